import { addressOf, apiPath, dateIn, filtersOf, go, html, longTimeIn, periodLabel, rangeOf, request, useData, useEffect, useState } from './toolkit.js';
import { Card, CopyButton, CopyLink, Filters, Range, Segments, Updated } from './parts.js';
import { Columns, Lines, Spark } from './charts.js';
import { approximate, axisMoney, count, decimal, exact, milliseconds, money, share, short, shortMoney, sum } from './numbers.js';

const LIVE = 30_000;
const SPLITS = ['model', 'alias', 'origin', 'provider', 'profile'];
const MEASURES = {
  cost: { title: 'Cost', units: decimal, text: money, axis: axisMoney, number: v => approximate(decimal(v)) },
  requests: { title: 'Requests', units: decimal, text: v => count(Number(v)), axis: short, number: Number },
  tokens: { title: 'Tokens', units: decimal, text: v => count(Number(v)), axis: short, number: Number },
};
const PER = { hour: 'hour', day: 'day', week: 'week', month: 'month' };

// A name keeps its colour while the page is open.
const colours = new Map();
function colour(names) {
  const taken = new Set(names.map(name => colours.get(name)).filter(Boolean));
  for (const name of names) {
    const mine = colours.get(name), clash = names.some(other => other !== name && colours.get(other) === mine && names.indexOf(other) < names.indexOf(name));
    if (mine && !clash) continue;
    const free = [1, 2, 3, 4, 5, 6].find(slot => !taken.has(slot)) ?? 0;
    taken.add(free);
    colours.set(name, free);
  }
  return name => colours.get(name);
}

export default function Overview({ address, slot, session }) {
  const range = rangeOf(address), filters = filtersOf(address), query = address.query;
  const by = SPLITS.includes(query.get('by')) ? query.get('by') : 'model', measure = MEASURES[query.get('measure')] ? query.get('measure') : 'cost';
  const stats = useData(apiPath('/api/v1/stats', { ...range.api, ...filters }), { slot, every: LIVE });
  const series = useData(apiPath('/api/v1/stats/series', { ...range.api, ...filters, group_by: range.unit, split_by: by, top: 6 }), { slot, every: LIVE });
  // The instant "now" of the previous range changes with every call; one that is fixed per range keeps the request from repeating.
  const [previous] = useStable(range.previous && apiPath('/api/v1/stats', { ...range.previous, ...filters }), JSON.stringify([range.name, range.api, filters]));
  const past = useData(previous, { slot });
  const isEmpty = stats.data?.summary.total_requests === 0;
  const last = useData(isEmpty ? apiPath('/api/v1/logs', { limit: 1, start_date: '2020-01-01' }) : null, { slot, every: isEmpty ? 3000 : 0 });
  if (isEmpty && last.data?.length === 0 && !Object.keys(filters).length) return html`<${FirstRun} session=${session} onFirst=${stats.reload}/>`;
  return html`<main id="main" tabindex="-1">
    <div class="top"><h1>Overview</h1><${Updated} at=${stats.at}/><${Range} address=${address}/><${CopyLink} address=${address}/></div>
    <${Filters} address=${address} slot=${slot}/>
    ${isEmpty && last.data && html`<section class="card"><div class="empty"><p>Nothing was logged in ${range.words}${Object.keys(filters).length ? ' with these filters' : ''}.</p>
      ${last.data[0] && html`<p>The last usage was on ${longTimeIn(range.zone, last.data[0].logged_at)}. <a href=${addressOf(address, '', '', { range: null, start_date: dateIn(range.zone, new Date(new Date(last.data[0].logged_at) - 29 * 864e5)), end_date: dateIn(range.zone, new Date(last.data[0].logged_at)) })}>Show the 30 days until then</a></p>`}</div></section>`}
    <${Tiles} stats=${stats} series=${series} past=${past} range=${range} address=${address}/>
    <${Chart} series=${series} range=${range} by=${by} measure=${measure} address=${address}/>
    <div class="grid"><${Spenders} stats=${stats} address=${address}/><${Unpriced} stats=${stats} address=${address} slot=${slot} onPriced=${() => { stats.reload(); series.reload(); }}/></div>
    <${Latency} series=${series} range=${range}/>
  </main>`;
}

/** The first value that was given for a key. */
function useStable(value, key) {
  const [held, set] = useState({ key, value });
  if (held.key !== key) { held.key = key; held.value = value; set({ key, value }); }
  return [held.value];
}

function Kpi({ name, value, title, note, spark, warn, state }) {
  return html`<dl class=${`card kpi ${warn ? 'warn' : ''} ${state.stale ? 'stale' : ''}`}><dt>${name}</dt><dd class="v" title=${title} data-value=${title}>${state.data ? value() : state.error ? '–' : ' '}${state.data && spark}</dd><dd class="d">${state.data ? note() : state.error ? state.error.message : ' '}</dd></dl>`;
}

function change(now, before, words) {
  if (!before) return `nothing in the ${words}`;
  const percent = (now / before - 1) * 100, rounded = Math.abs(percent) < 10 ? percent.toFixed(1) : percent.toFixed(0);
  return { text: `${percent > 0 ? '▲' : percent < 0 ? '▼' : ''} ${String(rounded).replace('-', '')}%`, up: percent > 0 };
}

function Tiles({ stats, series, past, range, address }) {
  const s = stats.data?.summary, before = past.data?.summary, total = s && decimal(s.total_cost);
  const perPeriod = series.data ? series.data.periods.map((_, i) => approximate(sum(all(series.data).map(one => one.cost[i])))) : [];
  const input = s && Object.values(stats.data.by_model).reduce((n, m) => n + m.input_tokens, 0);
  const p95 = series.data?.latency.p95.map(v => v == null ? null : Number(v)) ?? [], latest = p95.findLastIndex(v => v != null), worst = p95.indexOf(Math.max(...p95.map(v => v ?? -1)));
  const label = i => periodLabel(series.data.periods[i], range.unit);
  const trend = (now, then, isCost) => {
    if (!range.before || !before) return null;
    const c = change(now, then, range.before);
    return typeof c === 'string' ? c : html`<span class=${isCost ? c.up ? 'up' : 'down' : ''}>${c.text}</span> on the ${range.before}`;
  };
  return html`<div class="kpis">
    <${Kpi} name="Cost" state=${stats} title=${s && s.total_cost} value=${() => html`<span>${shortMoney(total)}</span>`} note=${() => trend(approximate(total), before && approximate(decimal(before.total_cost)), true)} spark=${html`<${Spark} values=${perPeriod}/>`}/>
    <${Kpi} name="Requests" state=${stats} title=${s && String(s.total_requests)} value=${() => count(s.total_requests)} note=${() => html`${trend(s.total_requests, before?.total_requests)}${s.total_requests > 0 && html`<br/>${money(total / BigInt(s.total_requests))} each`}`}/>
    <${Kpi} name="Tokens" state=${stats} title=${s && count(s.total_tokens)} value=${() => short(s.total_tokens)} note=${() => `${share(s.cached_input_tokens, input)} of the input from caches`}/>
    <${Kpi} name="Latency, p95" state=${series} title=${latest >= 0 ? `${p95[latest]} ms` : null} value=${() => latest < 0 ? '–' : milliseconds(p95[latest])} note=${() => latest < 0 ? 'no request says how long it took' : `${label(latest)} · worst ${milliseconds(p95[worst])}, ${label(worst)}`}/>
    <${Kpi} name="Without a price" state=${stats} warn=${s?.unpriced_requests > 0} title=${s && String(s.unpriced_requests)} value=${() => count(s.unpriced_requests)} note=${() => s.unpriced_requests ? html`<a href=${addressOf(address, 'usage', '', { cost_source: 'unpriced' })}>${share(s.unpriced_requests, s.total_requests)} of requests</a> count as $0` : 'every cost is complete'}/>
  </div>`;
}

const all = data => [...data.series, ...(data.other ? [{ ...data.other, name: undefined }] : [])];
const tokensOf = one => one.input_tokens.map((n, i) => n + one.output_tokens[i]);

function Chart({ series, range, by, measure, address }) {
  const kind = MEASURES[measure], asTable = address.query.get('view') === 'table', set = changes => go(addressOf(address, '', '', changes));
  const data = series.data, title = `${kind.title} per ${PER[range.unit]}`;
  const actions = html`<label class="dim">by <select onChange=${e => set({ by: e.target.value === 'model' ? null : e.target.value })}>${SPLITS.map(name => html`<option value=${name} selected=${name === by}>${name}</option>`)}</select></label>
    <label><span class="vh">Measure</span><select onChange=${e => set({ measure: e.target.value === 'cost' ? null : e.target.value })}>${Object.keys(MEASURES).map(name => html`<option value=${name} selected=${name === measure}>${name}</option>`)}</select></label>
    <button aria-pressed=${String(asTable)} onClick=${() => set({ view: asTable ? null : 'table' })}>Table</button>`;
  return html`<${Card} id="chart" title=${title} actions=${actions} state=${series} height=${282}>${data && html`<${Plot} ...${{ data, kind, measure, title, range, by, asTable, address }}/>`}<//>`;
}

function Plot({ data, kind, measure, title, range, by, asTable, address }) {
  const labels = data.periods.map(p => periodLabel(p, range.unit));
  const nameOf = one => one.name === undefined ? 'others' : one.name ?? `(no ${by})`;
  const paint = colour(data.series.map(one => `${by}:${one.name}`));
  const list = all(data).map(one => {
    const raw = measure === 'tokens' ? tokensOf(one) : one[measure];
    return { name: nameOf(one), raw, slot: one.name === undefined ? 0 : paint(`${by}:${one.name}`), values: raw.map(kind.number), texts: raw.map(kind.text), total: sum(raw) };
  });
  const totals = labels.map((_, i) => sum(list.map(s => s.raw[i]))).map(units => ({ exact: exact(units), text: measure === 'cost' ? money(units) : count(Number(exact(units))) }));
  const show = units => measure === 'cost' ? money(units) : count(Number(exact(units)));
  if (!list.length) return html`<p class="empty">Nothing in ${range.words}.</p>`;
  if (asTable) return html`<div class="tablewrap" tabindex="0" role="region" aria-label=${title}><table class="t"><caption class="vh">${title} by ${by}</caption><thead><tr><th scope="col">${range.unit === 'hour' ? 'Hour' : 'Date'}</th>${list.map(s => html`<th scope="col" class="num">${s.name}</th>`)}<th scope="col" class="num">Total</th></tr></thead>
    <tbody>${labels.map((label, i) => html`<tr><th scope="row">${label}</th>${list.map(s => html`<td class="num" title=${String(s.raw[i])}>${s.texts[i]}</td>`)}<td class="num" title=${totals[i].exact}>${totals[i].text}</td></tr>`).reverse()}</tbody>
    <tfoot><tr><th scope="row">All</th>${list.map(s => html`<td class="num" title=${exact(s.total)}>${show(s.total)}</td>`)}<td class="num" title=${exact(list.reduce((a, s) => a + s.total, 0n))}>${show(list.reduce((a, s) => a + s.total, 0n))}</td></tr></tfoot></table></div>`;
  const pick = i => range.unit === 'day' && go(addressOf(address, 'usage', '', { range: null, start_date: data.periods[i].slice(0, 10), end_date: data.periods[i].slice(0, 10) }));
  return html`<figure><${Columns} title=${`${title} by ${by}`} labels=${labels} series=${list} totals=${totals} axis=${kind.axis} onPick=${pick}/>
    <figcaption class="legend">${list.map(s => html`<span><i class=${`f${s.slot}`}></i>${s.name}</span>`)}<span>· the last ${PER[range.unit]} may not be over yet</span></figcaption></figure>`;
}

function Spenders({ stats, address }) {
  const top = ['alias', 'origin', 'model'].includes(address.query.get('top')) ? address.query.get('top') : 'alias', data = stats.data;
  const actions = html`<${Segments} legend="Spenders by" name="top" value=${top} onChange=${value => go(addressOf(address, '', '', { top: value === 'alias' ? null : value }))} options=${[['alias', 'Alias'], ['origin', 'Origin'], ['model', 'Model']]}/>`;
  return html`<${Card} id="top" title="Top spenders" actions=${actions} state=${stats} height=${260}>${data && html`<${SpenderTable} data=${data} top=${top} address=${address}/>`}<//>`;
}

function SpenderTable({ data, top, address }) {
  const named = Object.entries(data[`by_${top}`]).map(([name, v]) => ({ name, units: decimal(v.cost), requests: v.requests, filter: name, unpriced: v.unpriced_requests }));
  const total = decimal(data.summary.total_cost), rest = { units: total - named.reduce((a, r) => a + r.units, 0n), requests: data.summary.total_requests - named.reduce((a, r) => a + r.requests, 0) };
  if (rest.requests > 0) named.push({ name: `(no ${top})`, ...rest, filter: '~none' });
  named.sort((a, b) => b.units > a.units ? 1 : b.units < a.units ? -1 : b.requests - a.requests);
  const rows = named.slice(0, 8), most = rows[0]?.units || 1n, percent = (part, all) => all ? Number(part * 100_000_000n / all) / 1e6 : 0;
  if (!rows.length) return html`<p class="empty">Nothing yet.</p>`;
  return html`<table class="t"><thead><tr><th scope="col">${top[0].toUpperCase() + top.slice(1)}</th><th scope="col" class="num">Cost</th><th scope="col" class="num hide-s">Share</th><th scope="col" class="num">Requests</th><th scope="col" class="num hide-s">Each</th></tr></thead>
    <tbody>${rows.map(r => html`<tr key=${r.filter}><td class="name"><a href=${addressOf(address, 'usage', '', { [top]: r.filter })}>${r.name}</a>${r.unpriced > 0 && html` <span class="tag w">no price: ${count(r.unpriced)}</span>`}<span class="bar"><span style=${{ width: `${percent(r.units, most)}%` }}></span></span></td>
      <td class="num" title=${exact(r.units)} data-cost=${exact(r.units)}>${money(r.units)}</td><td class="num hide-s dim">${share(percent(r.units, total), 100)}</td><td class="num">${count(r.requests)}</td><td class="num hide-s dim">${money(r.units / BigInt(r.requests || 1))}</td></tr>`)}</tbody></table>
    ${named.length > rows.length && html`<p class="note">and ${named.length - rows.length} more</p>`}`;
}

function Unpriced({ stats, address, slot, onPriced }) {
  const [state, set] = useState('');
  const models = Object.entries(stats.data?.by_model ?? {}).filter(([, m]) => m.unpriced_requests > 0).sort((a, b) => b[1].unpriced_requests - a[1].unpriced_requests);
  const price = async () => {
    set('Pricing …');
    try {
      const { data } = await request('/api/v1/usage/reprice', { slot, method: 'POST' });
      set(data.repriced ? `${count(data.repriced)} requests now have a price: ${money(data.cost)}.` : 'No price list knows these models yet.');
      if (data.repriced) onPriced();
    } catch (error) {
      set(error.message);
    }
  };
  return html`<${Card} id="unpriced" title="Without a price" actions=${models.length > 0 && html`<button onClick=${price}>Price again</button>`} state=${stats} height=${160}>
    ${models.length === 0 ? html`<p class="dim">Every request of this range has a price.</p>` : html`<table class="t"><thead><tr><th scope="col">Model</th><th scope="col" class="num">Requests</th><th scope="col" class="num">Tokens</th></tr></thead><tbody>${models.slice(0, 8).map(([name, m]) => html`<tr><td><a href=${addressOf(address, 'usage', '', { model: name, cost_source: 'unpriced' })}><span class="mono">${name}</span></a></td><td class="num">${count(m.unpriced_requests)}</td><td class="num" title=${count(m.unpriced_tokens)}>${short(m.unpriced_tokens)}</td></tr>`)}</tbody></table>
    <p class="note">No price list knows these models, so they count as $0 above. They are priced by themselves once one does; an operator can name their prices in the file of <span class="mono">LLMRING_PRICES</span>.</p>`}
    <p class="note" role="status">${state}</p><//>`;
}

function Latency({ series, range }) {
  const data = series.data, line = (name, slot, dash) => ({ name, slot, dash, values: data.latency[name].map(v => v == null ? null : Number(v)) });
  return html`<${Card} id="latency" title=${`Latency per ${PER[range.unit]}`} state=${series} height=${222}>${data && (data.latency.p50.every(v => v == null)
    ? html`<p class="empty">No request of this range says how long it took (<span class="mono">latency_ms</span>).</p>`
    : html`<figure><${Lines} title=${`Latency per ${PER[range.unit]}`} labels=${data.periods.map(p => periodLabel(p, range.unit))} text=${milliseconds} series=${[line('p50', 1), line('p95', 4, '7 3'), line('p99', 3, '2 3')]}/>
      <figcaption class="legend"><span><i class="l l1"></i>p50</span><span><i class="l l2"></i>p95</span><span><i class="l l3"></i>p99</span><span>at most 5% off; of the requests that say how long they took</span></figcaption></figure>`)}<//>`;
}

/** Shown until the first usage of a key is there. */
function FirstRun({ session, onFirst }) {
  useEffect(() => { const timer = setInterval(() => document.hidden || onFirst(), 3000); return () => clearInterval(timer); }, []);
  const curl = `curl ${location.origin}/api/v1/log -H "X-API-Key: $LLMRING_API_KEY" -d '{
    "provider": "openai", "model": "gpt-4.1", "alias": "fast", "origin": "first-try",
    "input_tokens": 1200, "cached_input_tokens": 800, "output_tokens": 150, "latency_ms": 640}'`;
  const python = `pip install llmring
export LLMRING_SERVER_URL=${location.origin} LLMRING_API_KEY=…

from llmring import LLMRing, LLMRequest, Message
async with LLMRing(origin="first-try") as ring:
    await ring.chat(LLMRequest(model="openai:gpt-4.1-mini", messages=[Message(role="user", content="Hello")]))`;
  return html`<main id="main" tabindex="-1"><div class="top"><h1>Nothing logged yet</h1></div>
    <div class="steps"><p>You are signed in${session.key_ending && html` with a key that ends in <span class="mono">…${session.key_ending}</span>`}.${session.accepts_any_key && html` This server takes any text for a key, so if you expected numbers here, <a href="/dashboard/s/new">check the key</a>: a mistyped one is a new, empty project.`}</p>
      <${Card} id="curl" title="1. Log a call from a terminal" actions=${html`<${CopyButton} text=${curl}/>`}><pre tabindex="0" aria-label="Command">${curl}</pre><//>
      <${Card} id="python" title="2. Or from Python, with each call" actions=${html`<${CopyButton} text=${python}/>`}><pre tabindex="0" aria-label="Python">${python}</pre><//>
      <p class="dim" role="status">The page looks for the first usage every 3 seconds and then turns into the overview.</p></div></main>`;
}
