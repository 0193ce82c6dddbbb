// Incidents and one incident, live. Foreign text is only ever text: elements are made, never parsed.
import { amount, chart, cut, picture } from './picture.js';

const WORDS = {
  en: {
    open: 'Open', resolved: 'Resolved', all: 'All', anySeverity: 'Any severity', critical: 'critical', error: 'error', warning: 'warning', orWorse: ' or worse',
    search: 'Search', namespace: 'Namespace', none: 'Nothing is open', noneFor: 'No incident matches', one: '1 open incident', many: n => `${n} open incidents`, more: 'Show more',
    noneHint: 'Alerts are being watched. What fires will appear here by itself.', since: 'since', back: 'All incidents', ack: 'Acknowledge', unack: 'Give back', resolve: 'Resolve by hand', record: 'Download recording', copy: 'Copy', copied: 'Copied',
    acked: who => `taken by ${who}`, next: 'Next', why: 'Why', evidence: 'Evidence', others: 'Also considered', charts: 'Series behind it', picture: 'How they hang together', alerts: 'Alerts and facts', timeline: 'Timeline', gaps: 'Not seen',
    likely: 'likely', possible: 'possible', unsure: 'no confident cause', affected: 'Affected', core: 'core', folded: 'folded', count: (a, f) => `${a} ${a === 1 ? 'alert' : 'alerts'}` + (f ? `, ${f} folded` : ''), labels: 'Labels', source: 'Source',
    note: 'Write a note', add: 'Add', live: 'live', off: 'reconnecting…', lost: 'No answer from the daemon', token: 'This daemon asks for a token', enter: 'Enter', wrong: 'This token is not known', may: 'Not allowed', gone: 'There is no such incident',
    sources: 'Sources', ok: 'ok', never: 'not heard yet', version: 'version', standby: 'standby replica', keys: 'Keys', k_move: 'next, previous', k_find: 'search', k_back: 'list', k_lang: '中文', cause: 'cause', aff: 'affected', other: 'other', left: n => `${n} more not drawn`, limit: 'limit', days: 'd', hours: 'h', minutes: 'min', seconds: 's', ago: ' ago',
    sure: 'Resolve this incident by hand? Its alerts may go on.', dead: n => `${n} messages could not be delivered`, moreMembers: n => `Show ${n} more`, anomaly: 'anomaly', fact: 'fact', alert: 'alert',
  },
  zh: {
    open: '未恢复', resolved: '已恢复', all: '全部', anySeverity: '任意级别', critical: '严重', error: '错误', warning: '警告', orWorse: '及以上',
    search: '搜索', namespace: '命名空间', none: '当前没有故障', noneFor: '没有符合条件的故障', one: '1 个未恢复的故障', many: n => `${n} 个未恢复的故障`, more: '显示更多',
    noneHint: '正在接收告警；一旦有故障，会自动出现在这里。', since: '始于', back: '全部故障', ack: '我来处理', unack: '取消认领', resolve: '手动恢复', record: '下载录制', copy: '复制', copied: '已复制',
    acked: who => `${who} 处理中`, next: '下一步', why: '依据', evidence: '证据', others: '也曾考虑', charts: '相关指标', picture: '关系图', alerts: '告警与事实', timeline: '时间线', gaps: '未能看到',
    likely: '很可能', possible: '可能', unsure: '无法确定原因', affected: '受影响', core: '核心', folded: '已折叠', count: (a, f) => `${a} 条告警` + (f ? `，折叠 ${f} 条` : ''), labels: '标签', source: '来源',
    note: '写备注', add: '添加', live: '实时', off: '正在重连…', lost: '无法连接到服务', token: '需要访问令牌', enter: '进入', wrong: '令牌无效', may: '权限不足', gone: '没有这个故障',
    sources: '数据源', ok: '正常', never: '尚无数据', version: '版本', standby: '备用副本', keys: '快捷键', k_move: '下一个、上一个', k_find: '搜索', k_back: '列表', k_lang: 'English', cause: '原因', aff: '受影响', other: '其他', left: n => `另有 ${n} 个未画出`, limit: '上限', days: ' 天', hours: ' 小时', minutes: ' 分钟', seconds: ' 秒', ago: '前',
    sure: '确定手动恢复此故障？相关告警可能仍在继续。', dead: n => `${n} 条消息未能送达`, moreMembers: n => `再显示 ${n} 条`, anomaly: '异常', fact: '事实', alert: '告警',
    'rel.runs_on': '运行于', 'rel.runs': '运行', 'rel.owns': '拥有', 'rel.has_part': '包含', 'rel.selected_by': '被选择', 'rel.routed_to_by': '被路由', 'rel.mounted_by': '被挂载', 'rel.used_by': '被使用', 'rel.called_by': '被调用', 'rel.scaled_by': '被扩缩', 'rel.limits': '限制', 'rel.holds': '包含', 'rel.serves': '服务于', 'rel.owned_by': '属于', 'rel.part_of': '组成', 'rel.selects': '选择', 'rel.routes_to': '路由到', 'rel.mounts': '挂载', 'rel.uses_config': '使用', 'rel.calls': '调用', 'rel.scales': '伸缩', 'rel.limited_by': '受限于', 'rel.in_namespace': '位于', 'rel.served_by': '由其提供',
  },
};
const keep = (store, name, value) => { try { return value === undefined ? store.getItem(name) : store.setItem(name, value); } catch { return null; } };
let lang = keep(localStorage, 'rootline.lang') || (navigator.language.startsWith('zh') ? 'zh' : 'en');
let token = keep(sessionStorage, 'rootline.token') || '';
let skew = 0, listed = [], filter = { stage: 'open', severity: '', namespace: '', q: '' }, state = null, shown = null, drawn = 0;
const main = document.getElementById('main');
const say = (key, ...args) => { const w = WORDS[lang][key]; return typeof w === 'function' ? w(...args) : w ?? args[0]?.toString().replaceAll('_', ' ') ?? key; };
const both = text => text[lang] || text.en;

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== false && child !== '') element.append(child);
  return element;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = 'Bearer ' + token;
  if (options.body) headers['Content-Type'] = 'application/json';
  const answer = await fetch(path, { ...options, headers });
  if (answer.status === 401) { door(!!token); throw new Error('401'); }
  if (!answer.ok && answer.status !== 304) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || answer.statusText), { status: answer.status });
  }
  return answer;
}
const json = async (path, options) => (await ask(path, options)).json();

const now = () => Date.now() + skew;
const clock = t => new Date(t).toLocaleTimeString(lang === 'zh' ? 'zh-CN' : 'en-GB', { hour: '2-digit', minute: '2-digit' });
function moment(text) {
  const t = new Date(text);
  const day = t.toDateString() === new Date(now()).toDateString() ? '' : t.toLocaleDateString(lang === 'zh' ? 'zh-CN' : 'en-GB', { month: 'short', day: 'numeric' }) + ' ';
  return day + t.toLocaleTimeString(lang === 'zh' ? 'zh-CN' : 'en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
function span(s) {
  if (s < 60) return Math.max(0, Math.round(s)) + say('seconds').replace(/^(?=\w)/, ' ');
  const [n, word] = s < 5400 ? [s / 60, 'minutes'] : s < 172800 ? [s / 3600, 'hours'] : [s / 86400, 'days'];
  return Math.round(n) + say(word).replace(/^(?=\w)/, ' ');
}
const ago = text => h('time', { datetime: text, title: new Date(text).toLocaleString() }, span((now() - Date.parse(text)) / 1000) + say('ago'));
const percent = c => Math.round(c * 100) + ' %';
const section = (title, ...children) => h('section', {}, h('h3', {}, title), ...children);

function put(...children) { drawn += 1; main.replaceChildren(...children.filter(Boolean)); }
function failed(error) {
  if (error.message === '401') return;
  const text = error.status === 404 ? say('gone') : error.status === 403 ? `${say('may')}: ${error.message}` : error.status ? error.message : say('lost');
  main.querySelector('.error')?.remove();
  main.prepend(h('p', { class: 'error', role: 'alert' }, text));
}

function door(wrong) {
  const input = h('input', { type: 'password', autocomplete: 'current-password', 'aria-label': say('token'), required: true });
  put(h('h1', {}, say('token')), wrong && h('p', { class: 'error' }, say('wrong')), h('form', { class: 'inline', submit: event => {
    event.preventDefault();
    token = input.value.trim();
    keep(sessionStorage, 'rootline.token', token);
    route();
    listen();
  } }, input, h('button', { class: 'main' }, say('enter'))));
  input.focus();
}

const query = cursor => '/api/v1/incidents?' + new URLSearchParams(Object.entries({ ...filter, stage: filter.stage === 'all' ? '' : filter.stage, cursor }).filter(p => p[1]));

async function list(fresh) {
  shown = null;
  const mine = drawn;
  try {
    const [page, status] = await Promise.all([json(query('')), json('/api/v1/status')]);
    if (location.hash.length > 2 || (fresh && mine !== drawn)) return;
    state = status;
    skew = Date.parse(status.now) - Date.now();
    listed = page.items;
    const box = document.activeElement?.name;
    const mark = document.activeElement?.closest?.('.list a')?.getAttribute('href');
    drawList(page.next);
    if (box) main.querySelector(`[name=${box}]`)?.focus();
    if (mark) main.querySelector(`a[href="${mark}"]`)?.focus();
  } catch (error) { failed(error); }
}

function drawList(next) {
  document.title = 'Rootline';
  document.getElementById('cluster').textContent = state.cluster;
  const open = state.open.warning + state.open.error + state.open.critical;
  const counts = ['critical', 'error', 'warning'].filter(s => state.open[s]).map(s => `${state.open[s]} ${say(s)}`).join(' · ');
  const rows = h('ol', { class: 'list' }, listed.map(row));
  const more = next && h('p', { class: 'center' }, h('button', { type: 'button', click: async event => {
    event.target.disabled = true;
    try {
      const page = await json(query(next));
      listed = listed.concat(page.items);
      drawList(page.next);
      main.querySelectorAll('.list a')[listed.length - page.items.length]?.focus();
    } catch (error) { failed(error); }
  } }, say('more')));
  const plain = filter.stage === 'open' && !filter.severity && !filter.namespace && !filter.q;
  put(
    h('h1', { class: open ? '' : 'fine' }, open === 0 ? say('none') : open === 1 ? say('one') : say('many', open)),
    counts && h('p', { class: 'scope' }, counts),
    filters(),
    listed.length ? rows : h('p', { class: 'note' }, plain ? say('noneHint') : say('noneFor')),
    more,
    foot(),
  );
}

function filters() {
  const set = (name, value) => { filter = { ...filter, [name]: value }; list(); };
  const select = (name, options) => h('select', { name, 'aria-label': say(name === 'stage' ? 'all' : 'anySeverity'), change: e => set(name, e.target.value) }, options.map(([value, text]) => h('option', { value, selected: filter[name] === value }, text)));
  const field = (name, kind, attributes) => h('input', { name, type: kind, value: filter[name], placeholder: say(attributes.word), 'aria-label': say(attributes.word), class: attributes.class, change: e => set(name, e.target.value.trim()) });
  return h('form', { class: 'filters', role: 'search', submit: e => e.preventDefault() },
    select('stage', [['open', say('open')], ['resolved', say('resolved')], ['all', say('all')]]),
    select('severity', [['', say('anySeverity')], ['critical', say('critical')], ['error', say('error') + say('orWorse')]]),
    field('namespace', 'text', { word: 'namespace', class: 'short' }),
    field('q', 'search', { word: 'search' }));
}

function row(incident) {
  const { cause } = incident;
  return h('li', { class: `${incident.severity} ${incident.stage}` }, h('a', { href: '#/' + incident.id },
    h('b', {}, String(incident.id)), h('span', { class: 'title' }, both(incident.title)), h('span', { class: 'when' }, ago(incident.onset)),
    h('span', { class: 'more' }, h('span', {}, say(incident.severity)), incident.stage === 'resolved' && h('span', {}, say('resolved')),
      h('span', {}, cause ? `${both(cause.title)} · ${percent(cause.confidence)}` : say('unsure')), h('span', {}, say('count', incident.alerts, incident.folded)),
      incident.namespaces.length > 0 && h('span', {}, cut(incident.namespaces.join(', '), 60)), incident.acked && h('span', {}, say('acked', incident.acked.by)))));
}

function foot() {
  const source = s => h('li', {}, s.name, ': ', s.error ? h('span', { class: 'bad' }, cut(s.error, 200)) : s.last_success ? [say('ok'), ', ', ago(s.last_success)] : say('never'));
  return h('footer', {},
    state.dead_letters > 0 && h('p', {}, say('dead', state.dead_letters)),
    state.gaps.length > 0 && section(say('gaps'), h('ul', { class: 'plain' }, state.gaps.map(g => h('li', {}, both(g))))),
    state.sources.length > 0 && section(say('sources'), h('ul', { class: 'plain' }, state.sources.map(source))),
    h('p', { class: 'scope' }, `Rootline ${state.version}`, !state.leader && ` · ${say('standby')}`, h('span', { class: 'keys' }, ' · ', h('kbd', {}, 'j'), ' ', h('kbd', {}, 'k'), ' ', say('k_move'), ' · ', h('kbd', {}, '/'), ' ', say('k_find'), ' · ', h('kbd', {}, 'u'), ' ', say('k_back'), ' · ', h('kbd', {}, 'a'), ' ', say('ack'), ' · ', h('kbd', {}, 'l'), ' ', say('k_lang'))));
}

async function one(id) {
  try {
    const same = shown && shown.id === id;
    const answer = await ask('/api/v1/incidents/' + id, { headers: same ? { 'If-None-Match': `"${id}.${shown.version}"` } : {} });
    if (answer.status === 304 || location.hash !== '#/' + id) return;
    const incident = await answer.json();
    const charts = await json(`/api/v1/incidents/${id}/charts`).then(c => c.items, () => []);
    if (location.hash !== '#/' + id) return;
    const top = same ? scrollY : 0;
    shown = { ...incident, charts };
    drawOne();
    scrollTo(0, top);
  } catch (error) {
    if (!shown || shown.id !== id) put(back());
    failed(error);
  }
}

const back = () => h('p', { class: 'back' }, h('a', { href: '#/' }, '← ' + say('back')));

function drawOne() {
  const i = shown;
  const best = i.causes[0];
  document.title = `${i.id} ${both(i.title)}`;
  const draft = main.querySelector('[name=note]')?.value || '';
  const [verdict, word] = !best ? ['unknown', say('unsure')] : best.confidence >= 0.7 ? ['sure', `${say('likely')} · ${percent(best.confidence)}`] : ['unsure', `${say('possible')} · ${percent(best.confidence)}`];
  put(back(), h('article', { class: `${i.severity} ${i.stage}` },
    h('h2', {}, h('span', { class: 'number' }, String(i.id)), ' ', both(i.title)),
    h('p', { class: 'facts' }, h('span', { class: 'badge ' + verdict }, word), h('span', { class: 'badge ' + i.severity }, say(i.severity)), i.stage === 'resolved' && h('span', { class: 'badge done' }, say('resolved')),
      best?.entity && h('code', {}, best.entity), h('span', { class: 'quiet' }, `${say('since')} ${moment(i.onset)} · `, ago(i.onset)), i.acked && h('span', { class: 'quiet' }, say('acked', i.acked.by))),
    i.affected.length > 0 && h('p', { class: 'hurt' }, say('affected'), ' ', h('code', {}, cut(i.affected.slice(0, 12).join(', '), 400) + (i.affected.length > 12 ? ` +${i.affected.length - 12}` : ''))),
    best && h('p', {}, both(best.title)),
    acts(i), next(best), why(best), charted(i), related(i), members(i),
    i.causes.length > 1 && section(say('others'), h('ul', { class: 'groups' }, i.causes.slice(1).map(c => h('li', {}, h('b', {}, percent(c.confidence)), h('div', {}, both(c.title), ' · ', h('code', {}, c.entity), h('br'), h('span', { class: 'quiet' }, both(c.why))))))),
    section(say('timeline'), h('ul', { class: 'groups time' }, i.timeline.map(m => h('li', {}, h('b', {}, moment(m.at)), h('div', {}, both(m.what))))), noting(i, draft)),
    i.gaps.length > 0 && section(say('gaps'), h('ul', { class: 'plain' }, i.gaps.map(g => h('li', {}, both(g)))))));
}

function acts(i) {
  const act = (path, options) => async event => {
    event.target.disabled = true;
    try { shown = { ...(await json(`/api/v1/incidents/${i.id}/${path}`, options)), charts: i.charts }; drawOne(); } catch (error) { event.target.disabled = false; failed(error); }
  };
  const button = (key, path, options, kind) => h('button', { type: 'button', class: kind, id: key, click: act(path, options) }, say(key));
  return h('p', { class: 'acts' }, i.acked ? button('unack', 'ack', { method: 'DELETE' }) : button('ack', 'ack', { method: 'POST' }, 'main'),
    i.stage === 'open' && h('button', { type: 'button', click: event => confirm(say('sure')) && act('resolve', { method: 'POST' })(event) }, say('resolve')),
    h('button', { type: 'button', click: () => download(i.id) }, say('record')));
}

async function download(id) {
  try {
    const answer = await ask(`/api/v1/incidents/${id}/record`);
    const name = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') || '')?.[1] || `incident-${id}.rootline`;
    const url = URL.createObjectURL(await answer.blob());
    h('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  } catch (error) { failed(error); }
}

/// Text is a sentence; what is the same in both languages is a command.
function next(best) {
  if (!best || !best.next.length) return null;
  return h('section', { class: 'next' }, h('h3', {}, say('next')), best.next.map(step => {
    const text = both(step);
    if (step.en !== step.zh) return h('p', {}, text);
    const copy = h('button', { type: 'button', click: async () => {
      try { await navigator.clipboard.writeText(text); copy.textContent = say('copied'); } catch { getSelection().selectAllChildren(pre); }
      setTimeout(() => { copy.textContent = say('copy'); }, 1500);
    } }, say('copy'));
    const pre = h('pre', { tabindex: '0' }, text);
    return h('div', { class: 'command' }, pre, copy);
  }));
}

function why(best) {
  if (!best) return null;
  const said = both(best.why);
  return (said || best.evidence.length > 0) && section(say('why'), said && h('p', {}, said), best.evidence.length > 0 && h('ul', { class: 'plain' }, best.evidence.map(e => h('li', {}, both(e)))));
}

function charted(i) {
  const all = i.charts.map(c => {
    const drawing = chart(c, both(c.title), clock);
    const last = [...c.points].reverse().find(p => p[1] !== null);
    return drawing && h('figure', {}, h('figcaption', {}, h('span', {}, both(c.title), ' ', c.entity && h('code', {}, c.entity)), h('span', { class: 'quiet' }, amount(last[1], c.unit), c.limit !== null && ` / ${say('limit')} ${amount(c.limit, c.unit)}`)), drawing);
  }).filter(Boolean);
  return all.length > 0 && section(say('charts'), all);
}

function related(i) {
  const drawing = picture(i, say);
  return drawing && section(say('picture'), h('figure', {}, drawing.out),
    h('p', { class: 'legend' }, drawing.kinds.map(k => h('span', { class: 'key ' + k }, say(k === 'affected' ? 'aff' : k))), drawing.left > 0 && h('span', {}, say('left', drawing.left))));
}

function members(i) {
  const line = m => h('li', { class: m.role }, h('b', {}, say(m.role)), h('div', {}, m.labels.alertname || m.entity, m.entity && [' · ', h('code', {}, m.entity)], m.origin !== 'alert' && h('span', { class: 'quiet' }, ` · ${say(m.origin)}`), h('span', { class: 'quiet' }, ` · ${moment(m.onset)}`), both(m.reason) && [h('br'), h('span', { class: 'quiet' }, both(m.reason))],
    h('details', {}, h('summary', {}, say('labels')), h('p', {}, m.annotations.summary || m.annotations.description || m.annotations.message || ''), h('p', { class: 'labels' }, Object.entries(m.labels).map(([n, v]) => h('code', {}, `${n}="${v}"`)), /^https?:/.test(m.generator_url) && h('a', { href: m.generator_url, rel: 'noreferrer noopener', target: '_blank' }, say('source') + ' ↗')))));
  const FIRST = 12;
  const rest = i.members.slice(FIRST);
  const ul = h('ul', { class: 'groups' }, i.members.slice(0, FIRST).map(line));
  const more = rest.length > 0 && h('button', { type: 'button', click: () => { ul.append(...rest.map(line)); more.remove(); } }, say('moreMembers', rest.length));
  return section(`${say('alerts')} · ${i.members.length}`, ul, more);
}

function noting(i, draft) {
  const input = h('input', { name: 'note', maxlength: 4000, placeholder: say('note'), 'aria-label': say('note'), value: draft, autocomplete: 'off' });
  return h('form', { class: 'inline', submit: async event => {
    event.preventDefault();
    if (!input.value.trim()) return;
    try {
      const after = await json(`/api/v1/incidents/${i.id}/notes`, { method: 'POST', body: JSON.stringify({ text: input.value }) });
      input.value = '';
      shown = { ...after, charts: i.charts };
      drawOne();
    } catch (error) { failed(error); }
  } }, input, h('button', {}, say('add')));
}

function route() {
  const id = /^#\/(\d+)$/.exec(location.hash)?.[1];
  if (id) one(Number(id)); else list();
}

let soon = 0;
function refresh(id) {
  if (shown && id !== undefined && id !== shown.id) return;
  clearTimeout(soon);
  soon = setTimeout(route, 300);
}

let last = '', stream = null;
function live(on) {
  const dot = document.getElementById('live');
  dot.className = on ? 'on' : 'off';
  dot.textContent = say(on ? 'live' : 'off');
}

/// Server-sent events by fetch, because EventSource cannot carry a token.
async function listen() {
  stream?.abort();
  const mine = stream = new AbortController();
  for (let wait = 1000; stream === mine; wait = Math.min(wait * 2, 30000)) {
    try {
      const answer = await ask('/api/v1/stream', { signal: mine.signal, headers: last ? { 'Last-Event-ID': last } : {} });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      live(true);
      wait = 1000;
      if (last === '') refresh();
      for (let rest = ''; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split('\n\n');
        rest = blocks.pop();
        blocks.forEach(heard);
      }
    } catch (error) {
      if (mine.signal.aborted || error.message === '401') return;
    }
    live(false);
    await new Promise(done => setTimeout(done, wait));
  }
}

function heard(block) {
  const field = name => block.split('\n').find(l => l.startsWith(name + ':'))?.slice(name.length + 1).trim() || '';
  if (field('id')) last = field('id');
  const kind = field('event');
  if (kind === 'incident') refresh(shown ? JSON.parse(field('data') || '{}').id : undefined);
  else if (kind === 'reset' || (kind === 'status' && !shown)) refresh();
}

function language(set) {
  lang = set;
  keep(localStorage, 'rootline.lang', lang);
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  document.getElementById('lang').textContent = lang === 'zh' ? 'English' : '中文';
  const dot = document.getElementById('live');
  if (dot.className) dot.textContent = say(dot.className === 'on' ? 'live' : 'off');
}

document.getElementById('lang').addEventListener('click', () => { language(lang === 'zh' ? 'en' : 'zh'); if (shown) drawOne(); else route(); });
addEventListener('hashchange', () => { shown = null; route(); main.focus({ preventScroll: true }); });
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
    if (event.key === 'Escape') event.target.blur();
    return;
  }
  const links = [...main.querySelectorAll('.list a')];
  const step = { j: 1, k: -1 }[event.key];
  if (step && links.length) links[Math.min(links.length - 1, Math.max(0, links.indexOf(document.activeElement) + step))].focus();
  else if (event.key === '/') { main.querySelector('[name=q]')?.focus(); event.preventDefault(); }
  else if (event.key === 'u' || event.key === 'Escape') location.hash = '#/';
  else if (event.key === 'a') document.getElementById('ack')?.click();
  else if (event.key === 'l') document.getElementById('lang').click();
});
language(lang);
setInterval(() => { for (const t of main.querySelectorAll('time')) t.textContent = span((now() - Date.parse(t.dateTime)) / 1000) + say('ago'); }, 30000);
route();
listen();
