// Foreign text is only ever text: elements are made, never parsed.
import { amount, chart, cut, h, picture } from './picture.js';

// key|English|Chinese; {} is a number or a name.
const WORDS = Object.fromEntries(`open|Open|未恢复
resolved|Resolved|已恢复
all|All|全部
anySeverity|Any severity|任意级别
critical|critical|严重
error|error|错误
warning|warning|警告
orWorse| or worse|及以上
search|Search|搜索
namespace|Namespace|命名空间
none|Nothing is open|当前没有故障
noneFor|No incident matches|没有符合条件的故障
many|Open incidents: {}|{} 个未恢复的故障
more|Show more|显示更多
noneHint|Alerts are being watched. What fires will appear here by itself.|正在接收告警；一旦有故障，会自动出现在这里。
since|since|始于
back|All incidents|全部故障
ack|Acknowledge|我来处理
unack|Give back|取消认领
resolve|Resolve by hand|手动恢复
record|Download recording|下载录制
copy|Copy|复制
copied|Copied|已复制
acked|taken by {}|{} 处理中
quiet|in maintenance: {}|维护中：{}
windows|Maintenance|维护窗口
until|until {}|至 {}
configBad|The configuration was not taken over|新配置未生效
restart|Needs a restart: {}|需要重启才能生效：{}
next|Next|下一步
why|Why|依据
others|Also considered|也曾考虑
charts|Series behind it|相关指标
picture|How they hang together|关系图
alerts|Alerts and facts|告警与事实
timeline|Timeline|时间线
gaps|Not seen|未能看到
likely|likely|很可能
possible|possible|可能
unsure|no confident cause|无法确定原因
affected|Affected|受影响
core|core|核心
count|alerts: {}, folded: {}|{} 条告警，折叠 {} 条
source|Source|来源
note|Write a note|写备注
add|Add|添加
live|live|实时
off|reconnecting…|正在重连…
lost|No answer from the daemon|无法连接到服务
token|This daemon asks for a token|需要访问令牌
enter|Enter|进入
wrong|This token is not known|令牌无效
may|Not allowed|权限不足
gone|There is no such incident|没有这个故障
sources|Sources|数据源
ok|ok|正常
never|not heard yet|尚无数据
standby|standby replica|备用副本
cause|cause|原因
aff|affected|受影响
other|other|其他
left|{} more not drawn|另有 {} 个未画出
limit|limit|上限
days|d| 天
hours|h| 小时
minutes|min| 分钟
seconds|s| 秒
ago| ago|前
sure|Resolve this incident by hand? Its alerts may go on.|确定手动恢复此故障？相关告警可能仍在继续。
dead|{} messages could not be delivered|{} 条消息未能送达
anomaly|anomaly|异常
fact|fact|事实
alert|alert|告警
rel.runs_on||运行于
rel.runs||运行
rel.owns||拥有
rel.has_part||包含
rel.selected_by||被选择
rel.routed_to_by||被路由
rel.mounted_by||被挂载
rel.used_by||被使用
rel.called_by||被调用
rel.scaled_by||被扩缩
rel.limits||限制
rel.holds||包含
rel.serves||服务于
rel.owned_by||属于
rel.part_of||组成
rel.selects||选择
rel.routes_to||路由到
rel.mounts||挂载
rel.uses_config||使用
rel.calls||调用
rel.scales||伸缩
rel.limited_by||受限于
rel.in_namespace||位于
rel.served_by||由其提供`.split('\n').map(line => line.split('|')).map(([key, en, zh]) => [key, { en, zh }]));
const keep = (store, name, value) => { try { return value === undefined ? store.getItem(name) : store.setItem(name, value); } catch { return null; } };
let lang = keep(localStorage, 'rootline.lang') || (navigator.language.startsWith('zh') ? 'zh' : 'en');
let token = keep(sessionStorage, 'rootline.token') || '';
let skew = 0, listed = [], filter = { stage: 'open', severity: '', namespace: '', q: '' }, state = null, shown = null;
const byId = id => document.getElementById(id);
const main = byId('main');
const say = (key, ...args) => (WORDS[key]?.[lang] || args[0] || key).replace(/\{\}/g, () => args.shift());
const both = text => text[lang] || text.en;

const tag = (name, attributes) => (...children) => h(name, attributes, ...children);
const [code, bit, para, bold, item] = ['code', 'span', 'p', 'b', 'li'].map(name => tag(name));
const quiet = tag('span', { class: 'quiet' });
const button = (text, click, attributes) => h('button', { type: 'button', click, ...attributes }, text);

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

function put(...children) { main.replaceChildren(...children.filter(Boolean)); }
function failed(error) {
	if (error.message === '401') return;
	const text = error.status === 404 ? say('gone') : error.status === 403 ? `${say('may')}: ${error.message}` : error.status ? error.message : say('lost');
	main.querySelector('.failure')?.remove();
	main.prepend(h('p', { class: 'failure', role: 'alert' }, text));
}

function door(wrong) {
	const input = h('input', { type: 'password', autocomplete: 'current-password', 'aria-label': say('token'), required: true });
	put(h('h1', {}, say('token')), wrong && h('p', { class: 'failure' }, say('wrong')), h('form', { class: 'inline', submit: event => {
		event.preventDefault();
		token = input.value.trim();
		keep(sessionStorage, 'rootline.token', token);
		route();
		listen();
	} }, input, h('button', { class: 'main' }, say('enter'))));
	input.focus();
}

const query = cursor => '/api/v1/incidents?' + new URLSearchParams(Object.entries({ ...filter, stage: filter.stage === 'all' ? '' : filter.stage, cursor }).filter(p => p[1]));

function told(status) {
	if (status !== state) skew = Date.parse(status.now) - Date.now();
	state = status;
	byId('cluster').textContent = status.cluster;
}

async function list() {
	shown = null;
	try {
		const [page, status] = await Promise.all([json(query('')), json('/api/v1/status')]);
		if (location.hash.length > 2) return;
		told(status);
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
	const open = state.open.warning + state.open.error + state.open.critical;
	const counts = ['critical', 'error', 'warning'].filter(s => state.open[s]).map(s => `${state.open[s]} ${say(s)}`).join(' · ');
	const rows = h('ol', { class: 'list' }, listed.map(row));
	const more = next && h('p', { class: 'center' }, button(say('more'), async event => {
		event.target.disabled = true;
		try {
			const page = await json(query(next));
			listed = listed.concat(page.items);
			drawList(page.next);
			} catch (error) { failed(error); }
	}));
	const plain = filter.stage === 'open' && !filter.severity && !filter.namespace && !filter.q;
	put(
		h('h1', { class: open ? '' : 'fine' }, open ? say('many', open) : say('none')),
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
		bold(String(incident.id)), h('span', { class: 'title' }, both(incident.title)), h('span', { class: 'when' }, ago(incident.onset)),
		h('span', { class: 'more' }, bit(say(incident.severity)), incident.stage === 'resolved' && bit(say('resolved')),
			bit(cause ? `${both(cause.title)} · ${percent(cause.confidence)}` : say('unsure')), bit(say('count', incident.alerts, incident.folded)),
			incident.namespaces.length > 0 && bit(cut(incident.namespaces.join(', '), 60)), incident.acked && bit(say('acked', incident.acked.by)), incident.maintenance && bit(say('quiet', incident.maintenance)))));
}

function foot() {
	const source = s => item(s.name, ': ', s.error ? cut(s.error, 200) : s.last_success ? [say('ok'), ', ', ago(s.last_success)] : say('never'));
	return h('footer', {},
		state.dead_letters > 0 && para(say('dead', state.dead_letters)),
		state.config.error && para(say('configBad'), ': ', cut(state.config.error, 400)),
		state.config.needs_restart.length > 0 && para(say('restart', state.config.needs_restart.join(', '))),
		state.maintenance.length > 0 && section(say('windows'), h('ul', { class: 'plain' }, state.maintenance.map(w => item(w.name, ' ', say('until', moment(w.until)))))),
		state.gaps.length > 0 && section(say('gaps'), h('ul', { class: 'plain' }, state.gaps.map(g => item(both(g))))),
		state.sources.length > 0 && section(say('sources'), h('ul', { class: 'plain' }, state.sources.map(source))),
		h('p', { class: 'scope' }, `Rootline ${state.version}`, !state.leader && ` · ${say('standby')}`));
}

async function one(id) {
	try {
		const same = shown && shown.id === id;
		const answer = await ask('/api/v1/incidents/' + id, { headers: same ? { 'If-None-Match': shown.tag } : {} });
		if (answer.status === 304 || location.hash !== '#/' + id) return;
		const incident = await answer.json();
		const [charts, status] = await Promise.all([json(`/api/v1/incidents/${id}/charts`).then(c => c.items, () => []), state || json('/api/v1/status')]);
		told(status);
		if (location.hash !== '#/' + id) return;
		const top = same ? scrollY : 0;
		shown = { ...incident, charts, tag: answer.headers.get('ETag') || '""' };
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
			best?.entity && code(best.entity), quiet(`${say('since')} ${moment(i.onset)} · `, ago(i.onset)), i.acked && quiet(say('acked', i.acked.by)), i.maintenance && quiet(say('quiet', i.maintenance))),
		i.affected.length > 0 && h('p', { class: 'hurt' }, say('affected'), ' ', code(cut(i.affected.slice(0, 12).join(', '), 400) + (i.affected.length > 12 ? ` +${i.affected.length - 12}` : ''))),
		best && para(both(best.title)),
		acts(i), next(best), why(best), charted(i), related(i), members(i),
		i.causes.length > 1 && section(say('others'), h('ul', { class: 'groups' }, i.causes.slice(1).map(c => item(bold(percent(c.confidence)), h('div', {}, both(c.title), ' · ', code(c.entity), h('br'), quiet(both(c.why))))))),
		section(say('timeline'), h('ul', { class: 'groups time' }, i.timeline.map(m => item(bold(moment(m.at)), h('div', {}, both(m.what))))), noting(i, draft)),
		i.gaps.length > 0 && section(say('gaps'), h('ul', { class: 'plain' }, i.gaps.map(g => item(both(g)))))));
}

function acts(i) {
	const act = (path, options) => async event => {
		event.target.disabled = true;
		try { shown = { ...(await json(`/api/v1/incidents/${i.id}/${path}`, options)), charts: i.charts }; drawOne(); } catch (error) { event.target.disabled = false; failed(error); }
	};
	const doing = (key, path, method, kind) => button(say(key), act(path, { method }), { id: key, class: kind });
	return h('p', { class: 'acts' }, i.acked ? doing('unack', 'ack', 'DELETE') : doing('ack', 'ack', 'POST', 'main'),
		i.stage === 'open' && button(say('resolve'), event => confirm(say('sure')) && act('resolve', { method: 'POST' })(event)),
		button(say('record'), () => download(i.id)));
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

// What is the same in both languages is a command.
function next(best) {
	if (!best || !best.next.length) return null;
	return h('section', { class: 'next' }, h('h3', {}, say('next')), best.next.map(step => {
		const text = both(step);
		if (step.en !== step.zh) return para(text);
		const copy = button(say('copy'), async () => {
			try { await navigator.clipboard.writeText(text); copy.textContent = say('copied'); } catch { getSelection().selectAllChildren(pre); }
			setTimeout(() => { copy.textContent = say('copy'); }, 1500);
		});
		const pre = h('pre', { tabindex: '0' }, text);
		return h('div', { class: 'command' }, pre, copy);
	}));
}

function why(best) {
	if (!best) return null;
	const said = both(best.why);
	return (said || best.evidence.length > 0) && section(say('why'), said && para(said), best.evidence.length > 0 && h('ul', { class: 'plain' }, best.evidence.map(e => item(both(e)))));
}

function charted(i) {
	const all = i.charts.map(c => {
		const drawing = chart(c, both(c.title), clock, Math.max(300, Math.min(860, main.clientWidth - 100)));
		const last = [...c.points].reverse().find(p => p[1] !== null);
		return drawing && h('figure', {}, h('figcaption', {}, bit(both(c.title), ' ', c.entity && code(c.entity)), quiet(amount(last[1], c.unit), c.limit !== null && ` / ${say('limit')} ${amount(c.limit, c.unit)}`)), drawing);
	}).filter(Boolean);
	return all.length > 0 && section(say('charts'), all);
}

function related(i) {
	const drawing = picture(i, say);
	return drawing && section(say('picture'), h('figure', {}, drawing.out),
		h('p', { class: 'legend' }, drawing.kinds.map(k => h('span', { class: 'key ' + k }, say(k === 'affected' ? 'aff' : k))), drawing.left > 0 && bit(say('left', drawing.left))));
}

function members(i) {
	const groups = new Map();
	for (const m of i.members) {
		const key = JSON.stringify([m.role, m.origin, m.labels.alertname, m.reason.en]);
		groups.set(key, [...(groups.get(key) || []), m]);
	}
	const names = all => cut([...new Set(all.map(m => m.entity).filter(Boolean))].slice(0, 3).join(', '), 120) + (all.length > 3 ? ', …' : '');
	const whole = m => h('div', { class: 'member' }, code(m.entity), quiet(moment(m.onset)), para(m.annotations.summary || m.annotations.description || m.annotations.message || ''),
		para(Object.entries(m.labels).map(([n, v]) => [code(`${n}="${v}"`), ' ']), /^https?:/.test(m.generator_url) && h('a', { href: m.generator_url, rel: 'noreferrer noopener', target: '_blank' }, say('source') + ' ↗')));
	const line = all => {
		const [m] = all;
		const open = h('details', { toggle: () => { if (open.open && !open.lastChild.className) open.append(...all.slice(0, 200).map(whole)); } },
			h('summary', {}, m.labels.alertname || m.entity, ' · ', code(names(all)), quiet((m.origin === 'alert' ? '' : ` · ${say(m.origin)}`) + (both(m.reason) && ` · ${both(m.reason)}`))));
		return h('li', { class: m.role }, bold(m.role === 'core' ? say('core') : all.length + '×'), h('div', {}, open));
	};
	return section(say('alerts') + ` · ${i.members.length}`, h('ul', { class: 'groups' }, [...groups.values()].map(line)));
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
	const dot = byId('live');
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
	byId('lang').textContent = lang === 'zh' ? 'English' : '中文';
	const dot = byId('live');
	if (dot.className) dot.textContent = say(dot.className === 'on' ? 'live' : 'off');
}

byId('lang').addEventListener('click', () => { language(lang === 'zh' ? 'en' : 'zh'); if (shown) drawOne(); else route(); });
addEventListener('hashchange', () => { shown = null; route(); main.focus({ preventScroll: true }); });
addEventListener('keydown', event => {
	if (event.ctrlKey || event.metaKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) {
		if (event.key === 'Escape') event.target.blur();
		return;
	}
	const links = [...main.querySelectorAll('.list a')];
	const step = { j: 1, k: -1 }[event.key];
	if (step && links.length) links[Math.min(links.length - 1, Math.max(0, links.indexOf(document.activeElement) + step))].focus();
	else if (event.key === '/') { main.querySelector('[name=q]')?.focus(); event.preventDefault(); }
	else if (event.key === 'u' || event.key === 'Escape') location.hash = '#/';
	else if (event.key === 'a') byId('ack')?.click();
	else if (event.key === 'l') byId('lang').click();
});
language(lang);
setInterval(() => { for (const t of main.querySelectorAll('time')) t.textContent = span((now() - Date.parse(t.dateTime)) / 1000) + say('ago'); }, 30000);
route();
listen();
