// Elements, charts, and the picture of relations as SVG.
const NS = 'http://www.w3.org/2000/svg';

const make = create => (tag, attributes, ...children) => {
	const element = create(tag);
	for (const [name, value] of Object.entries(attributes || {})) {
		if (typeof value === 'function') element.addEventListener(name, value);
		else if (value === true) element.setAttribute(name, '');
		else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
	}
	element.append(...children.flat(3).filter(c => c || c === 0));
	return element;
};
export const h = make(tag => document.createElement(tag));
const svg = make(tag => document.createElementNS(NS, tag));

export function cut(text, most) {
	const all = [...text];
	return all.length > most ? all.slice(0, most - 1).join('') + '…' : text;
}

/// 1536 bytes → 1.5 KiB; ratios as percent; others with three digits.
export function amount(value, unit) {
	if (value === null || value === undefined || !isFinite(value)) return '–';
	if (unit === 'ratio') return (value * 100).toFixed(value && Math.abs(value) < 0.1 ? 1 : 0) + ' %';
	const byte = unit === 'bytes' || unit === 'bytes/s';
	const [step, names] = byte ? [1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']] : [1000, ['', 'k', 'M', 'G', 'T', 'P']];
	let rank = 0;
	let size = Math.abs(value);
	if (unit === 'seconds') {
		if (size > 0 && size < 1) return (value * 1000).toPrecision(3).replace(/\.?0+$/, '') + ' ms';
	} else while (size >= step && rank < names.length - 1) { size /= step; rank += 1; }
	const shown = size === 0 ? '0' : size >= 100 ? size.toFixed(0) : Number(size.toPrecision(3)).toString();
	const tail = byte ? names[rank] + (unit === 'bytes/s' ? '/s' : '') : unit === 'seconds' ? 's' : names[rank] + (unit && unit !== '1/s' ? ' ' + unit : unit ? '/s' : '');
	return (value < 0 ? '−' : '') + shown + (tail ? ' ' + tail.trim() : '');
}

/// One series: band, line, limit, forecast, onset.
export function chart(data, title, clock, W) {
	const H = 150, L = 66, R = 12, T = 10, B = 22;
	const real = data.points.filter(p => p[1] !== null);
	if (!real.length) return null;
	const ahead = data.forecast.filter(p => p[1] !== null);
	const times = [...real, ...ahead].map(p => p[0]);
	const values = [...real, ...ahead].map(p => p[1]).concat(data.band.flatMap(b => [b[1], b[2]]).filter(v => v !== null));
	if (data.limit !== null) values.push(data.limit);
	let [low, high] = [Math.min(...values), Math.max(...values)];
	if (low > 0 && low < high * 0.6) low = 0;
	if (low === high) { low -= Math.abs(low) * 0.1 || 1; high += Math.abs(high) * 0.1 || 1; }
	high = data.unit === 'ratio' && high <= 1 ? 1 : high + (high - low) * 0.06;
	const [first, last] = [Math.min(...times), Math.max(...times)];
	const x = t => L + (W - L - R) * (last > first ? (t - first) / (last - first) : 0.5);
	const y = v => T + (H - T - B) * (1 - (v - low) / (high - low));
	const at = p => `${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`;
	// A hole three steps wide is drawn as a hole.
	const steps = real.slice(1).map((p, i) => p[0] - real[i][0]).sort((a, b) => a - b);
	const hole = 3 * (steps[steps.length >> 1] || Infinity);
	const line = real.map((p, i) => (i && p[0] - real[i - 1][0] < hole ? 'L' : 'M') + at(p)).join('');
	const out = svg('svg', { viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': `${title}: ${amount(real[real.length - 1][1], data.unit)}` });
	for (const part of [0, 0.5, 1]) {
		const v = low + (high - low) * part;
		out.append(svg('line', { class: 'grid', x1: L, x2: W - R, y1: y(v), y2: y(v) }), svg('text', { class: 'axis', x: L - 6, y: y(v) + 3.5, 'text-anchor': 'end' }, amount(v, data.unit)));
	}
	for (const [part, anchor] of [[0, 'start'], [0.5, 'middle'], [1, 'end']]) {
		const t = first + (last - first) * part;
		out.append(svg('text', { class: 'axis', x: x(t), y: H - 6, 'text-anchor': anchor }, clock(t)));
	}
	const band = data.band.filter(b => b[1] !== null && b[2] !== null);
	if (band.length > 1) {
		const up = band.map((b, i) => (i ? 'L' : 'M') + at([b[0], b[2]])).join('');
		out.append(svg('path', { class: 'band', d: up + [...band].reverse().map(b => 'L' + at([b[0], b[1]])).join('') + 'Z' }));
	}
	if (data.limit !== null) out.append(svg('line', { class: 'limit', x1: L, x2: W - R, y1: y(data.limit), y2: y(data.limit) }));
	const onset = data.onset ? Date.parse(data.onset) : NaN;
	if (onset >= first && onset <= last) out.append(svg('line', { class: 'onset', x1: x(onset), x2: x(onset), y1: T, y2: H - B }));
	out.append(svg('path', { class: 'series', d: line }));
	if (ahead.length) out.append(svg('path', { class: 'ahead', d: [real[real.length - 1], ...ahead].map((p, i) => (i ? 'L' : 'M') + at(p)).join('') }));
	const said = svg('text', { class: 'axis', x: W - R, y: T + 2, 'text-anchor': 'end' });
	out.append(said);
	out.addEventListener('pointermove', event => {
		const frame = out.getBoundingClientRect();
		const t = first + ((event.clientX - frame.left) / frame.width * W - L) / (W - L - R) * (last - first);
		const near = real.reduce((a, b) => Math.abs(b[0] - t) < Math.abs(a[0] - t) ? b : a);
		said.textContent = `${clock(near[0])}  ${amount(near[1], data.unit)}`;
	});
	return out;
}

const parts = entity => {
	const [kind, ...rest] = entity.split('/');
	return { kind, space: rest.length > 1 ? rest[0] : '', name: (rest.length > 1 ? rest.slice(1) : rest).join('/') };
};

/// The cause on the left, each step away from it one column further right; alike things are one box.
export function picture(incident, say) {
	const MOST = 24, COLUMNS = 5, BW = 184, BH = 44, SX = 292, SY = 66, M = 14;
	const cause = incident.causes.length ? incident.causes[0].entity : '';
	const role = e => e === cause || (cause && cause.startsWith(e.replace(/^pod/, 'container') + '/')) ? 'cause' : incident.affected.includes(e) ? 'affected' : 'other';
	const near = new Map();
	const touch = (e, what) => { if (!near.has(e)) near.set(e, new Set()); near.get(e).add(what); };
	const shape = e => role(e) === 'other' ? parts(e).kind : e;
	for (const { from, relation, to } of incident.edges) { touch(from, `>${relation} ${shape(to)}`); touch(to, `<${relation} ${shape(from)}`); }
	const groups = new Map();
	for (const [entity, shapes] of near) {
		const rank = ['cause', 'affected', 'other'].indexOf(role(entity));
		const key = rank < 2 ? `${rank} ${entity}` : `2 ${parts(entity).kind} ${parts(entity).space} ${[...shapes].sort().join('|')}`;
		if (!groups.has(key)) groups.set(key, []);
		groups.get(key).push(entity);
	}
	const boxes = [];
	const place = new Map();
	for (const key of [...groups.keys()].sort()) {
		const members = groups.get(key);
		for (const set of members.length < 3 ? members.map(m => [m]) : [members]) {
			set.forEach(m => place.set(m, boxes.length));
			boxes.push({ members: set, role: role(set[0]), column: -1 });
		}
	}
	const seen = new Set();
	let lines = incident.edges.map(e => [place.get(e.from), e.relation, place.get(e.to)]).filter(l => l[0] !== l[2] && !seen.has(l.join(' ')) && seen.add(l.join(' ')));
	const order = [];
	for (let start = 0; start < boxes.length; start += 1) {
		const queue = [[start, 0]];
		while (queue.length) {
			const [i, column] = queue.shift();
			if (boxes[i].column >= 0) continue;
			boxes[i].column = column;
			order.push(i);
			for (const [a, , b] of lines) if (a === i) queue.push([b, column + 1]); else if (b === i) queue.push([a, column + 1]);
		}
	}
	const kept = new Set(order.filter(i => boxes[i].column < COLUMNS).slice(0, MOST));
	if (kept.size < 2) return null;
	const left = boxes.reduce((n, b, i) => n + (kept.has(i) ? 0 : b.members.length), 0);
	lines = lines.filter(l => kept.has(l[0]) && kept.has(l[2]));
	const columns = Array.from({ length: COLUMNS }, () => []);
	for (const i of order) if (kept.has(i)) columns[boxes[i].column].push(i);
	const rows = Math.max(...columns.map(c => c.length));
	for (const column of columns) column.forEach((i, row) => Object.assign(boxes[i], { x: M + boxes[i].column * SX, y: M + (row + (rows - column.length) / 2) * SY }));
	const wide = columns.filter(c => c.length).length;
	const bulge = lines.some(l => boxes[l[0]].column === boxes[l[2]].column) ? 56 : 0;
	const [width, height] = [2 * M + (wide - 1) * SX + BW + bulge, 2 * M + (rows - 1) * SY + BH];
	const out = svg('svg', { class: 'picture', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': say('picture') });
	out.style.maxWidth = width + 'px';
	const words = [];
	const between = {};
	for (const [from, relation, to] of lines) {
		const pair = [from, to].sort().join(' ');
		const shift = (between[pair] = (between[pair] ?? -1) + 1) * 16;
		const [a, b] = [boxes[from], boxes[to]];
		const [y1, y2] = [a.y + BH / 2 + shift, b.y + BH / 2 + shift];
		const right = a.x < b.x;
		const same = a.x === b.x;
		const [x1, x2] = same ? [a.x + BW, b.x + BW + 7] : right ? [a.x + BW, b.x - 7] : [a.x, b.x + BW + 7];
		const bend = same ? 52 : right ? SX / 5 : -SX / 5;
		out.append(svg('path', { class: 'edge', d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 + (same ? bend : -bend)} ${y2} ${x2} ${y2}` }));
		out.append(svg('path', { class: 'tip', d: `M${right ? x2 + 7 : x2 - 7} ${y2}L${x2} ${y2 - 4}L${x2} ${y2 + 4}Z` }));
		words.push(svg('text', { class: 'word', x: same ? x1 + 42 : x1 + (x2 - x1) * 0.42, y: y1 + (y2 - y1) * 0.38 + 4 }, cut(say('rel.' + relation, relation.replaceAll('_', ' ')), 18)));
	}
	for (const i of kept) {
		const { members, role: kind, x, y } = boxes[i];
		const about = parts(members[0]);
		let name = about.name;
		if (members.length > 1) {
			while (members.some(m => !parts(m).name.startsWith(name))) name = name.slice(0, -1);
			name += '…';
		}
		const above = (members.length > 1 ? `${members.length} × ` : '') + about.kind + (about.space ? ' · ' + about.space : '');
		out.append(svg('g', { class: 'box ' + kind }, svg('title', {}, members.slice(0, 20).join('\n')), svg('rect', { x, y, width: BW, height: BH, rx: 7 }), svg('text', { class: 'kind', x: x + 11, y: y + 17 }, cut(above, 29)), svg('text', { class: 'name', x: x + 11, y: y + 34 }, cut(name, 21))));
	}
	out.append(...words);
	const kinds = ['cause', 'affected', 'other'].filter(r => [...kept].some(i => boxes[i].role === r));
	return { out, kinds, left };
}
