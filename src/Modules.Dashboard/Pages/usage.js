import { addressOf, apiPath, filtersOf, go, html, longTimeIn, rangeOf, request, useData, useState } from './toolkit.js';
import { Card, Code, CopyLink, Dialog, Failure, Filters, Loading, Range, Time, Updated } from './parts.js';
import { count, milliseconds, money } from './numbers.js';

const PAGE = 50, LIVE = 30_000;
const PARTS = { input: 'Input', cache_read: 'Read from cache', cache_write_5m: 'Written to cache, 5 minutes', cache_write_1h: 'Written to cache, 1 hour', output: 'Output', reasoning: 'Reasoning' };
const SOURCES = { client: 'sent by the client', registry: 'from the price list', own: 'from the own price list', estimated: 'estimated', unpriced: 'no price' };

export default function Usage({ address, slot }) {
  const range = rangeOf(address), filters = filtersOf(address), parameters = { ...range.api, ...filters };
  const path = apiPath('/api/v1/logs', { ...parameters, limit: PAGE });
  const first = useData(path, { slot, every: LIVE }), stats = useData(apiPath('/api/v1/stats', parameters), { slot, every: LIVE });
  const [older, setOlder] = useState({ path, rows: [], cursor: null, busy: false, error: null });
  const here = older.path === path ? older : { path, rows: [], cursor: null, busy: false, error: null };
  const cursor = here.rows.length ? here.cursor : first.cursor;
  const more = async () => {
    // From here on the list stands still: rows that come in at its top would move what is read.
    setOlder({ ...here, busy: true });
    try {
      const { data, cursor: next } = await request(`${path}&cursor=${encodeURIComponent(cursor)}`, { slot });
      setOlder({ path, rows: [...here.rows, ...data], cursor: next, busy: false, error: null });
    } catch (error) {
      setOlder({ ...here, busy: false, error });
    }
  };
  const seen = new Set(), rows = [...(first.data ?? []), ...here.rows].filter(r => !seen.has(r.id) && seen.add(r.id));
  const s = stats.data?.summary;
  return html`<main id="main" tabindex="-1">
    <div class="top"><h1>Usage</h1><${Updated} at=${first.at}/><${Range} address=${address}/><${CopyLink} address=${address}/><a class="button" download href=${apiPath('/api/v1/logs/export', { ...parameters, format: 'csv', slot })}>Export CSV</a></div>
    <${Filters} address=${address} slot=${slot}/>
    <${Card} state=${first} height=${500}>
      <p class="dim" role="status">${s ? html`${count(s.total_requests)} requests, <span title=${s.total_cost} data-total=${s.total_cost}>${money(s.total_cost)}</span> in ${range.words}; newest first${s.unpriced_requests > 0 ? `; ${count(s.unpriced_requests)} without a price` : ''}` : 'Newest first'}</p>
      ${first.data?.length === 0 ? html`<div class="empty"><p>No request in ${range.words}${Object.keys(filters).length ? ' with these filters' : ''}.</p></div>` : html`<div class="tablewrap"><table class="t"><thead><tr><th scope="col">Time</th><th scope="col">Model</th><th scope="col" class="hide-s">Alias</th><th scope="col" class="hide-s">Origin</th><th scope="col" class="num hide-s">In</th><th scope="col" class="num hide-s">Cached</th><th scope="col" class="num hide-s">Out</th><th scope="col" class="num hide-s">Time taken</th><th scope="col" class="num">Cost</th></tr></thead>
      <tbody>${rows.map(r => html`<tr key=${r.id}><td class="mono dim"><a href=${addressOf(address, 'usage', '', { row: r.id })}><${Time} zone=${range.zone} at=${r.logged_at}/></a></td>
        <td><a href=${addressOf(address, 'usage', '', { row: r.id })}><span class="dim">${r.provider}:</span>${r.model.startsWith(`${r.provider}:`) ? r.model.slice(r.provider.length + 1) : r.model}</a></td>
        <td class="hide-s">${r.alias ?? html`<span class="dim">–</span>`}</td><td class="hide-s">${r.origin ?? html`<span class="dim">–</span>`}</td>
        <td class="num hide-s">${count(r.input_tokens)}</td><td class="num dim hide-s">${r.cached_input_tokens ? count(r.cached_input_tokens) : ''}</td><td class="num hide-s">${count(r.output_tokens)}</td><td class="num hide-s">${milliseconds(r.latency_ms)}</td>
        <td class="num" title=${r.cost_source === 'unpriced' ? null : String(r.cost)}>${r.cost_source === 'unpriced' ? html`<span class="tag w">no price</span>` : money(r.cost)}</td></tr>`)}</tbody></table></div>`}
      ${here.error && html`<${Failure} state=${{ error: here.error, reload: more }}/>`}
      ${cursor && html`<div class="more"><button onClick=${more} disabled=${here.busy}>Older</button><span class="dim">${count(rows.length)} shown</span></div>`}
    <//>
    ${address.query.get('row') && html`<${Row} key=${address.query.get('row')} id=${address.query.get('row')} address=${address} slot=${slot} zone=${range.zone} onClose=${() => go(addressOf(address, 'usage', '', { row: null }), { replace: true })}/>`}
  </main>`;
}

/** One request: its tokens, and why it cost that. */
function Row({ id, address, slot, zone, onClose }) {
  const state = useData(`/api/v1/logs/${encodeURIComponent(id)}`, { slot }), r = state.data;
  const facts = r && [
    ['Time', longTimeIn(zone, r.logged_at)], ['Alias', r.alias], ['Origin', r.origin], ['Profile', r.profile], ['Time taken', r.latency_ms == null ? null : milliseconds(r.latency_ms)],
    ['Service tier', r.service_tier], ['Id at the origin', r.id_at_origin],
    ['Input', `${count(r.input_tokens)} tokens${r.cached_input_tokens ? `, of which ${count(r.cached_input_tokens)} cached` : ''}`],
    ['Output', `${count(r.output_tokens)} tokens${r.reasoning_tokens ? `, of which ${count(r.reasoning_tokens)} reasoning` : ''}`],
    ['Counts', r.token_counts === 'parts_added' ? 'cached or reasoning tokens were added to the counts as sent' : 'as sent'],
  ].filter(([, value]) => value != null && value !== '');
  return html`<${Dialog} title=${r ? `${r.provider}:${r.model}` : 'Request'} onClose=${onClose}>
    ${!r ? state.error ? html`<${Failure} state=${state}/>` : html`<${Loading} height=${240}/>` : html`
      <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      <section aria-labelledby="why"><div class="head"><h2 id="why">${r.cost_source === 'unpriced' ? 'No price list knows this model' : html`Cost <span title=${String(r.cost)}>${money(r.cost)}</span>`}</h2><span class=${`tag ${r.cost_source === 'unpriced' ? 'w' : ''}`}>${SOURCES[r.cost_source] ?? r.cost_source}</span></div>
      ${r.cost_breakdown?.length > 0 && html`<div class="tablewrap"><table class="t"><thead><tr><th scope="col">Part</th><th scope="col" class="num">Tokens</th><th scope="col" class="num">USD per million</th><th scope="col" class="num">Cost</th></tr></thead>
        <tbody>${r.cost_breakdown.map(p => html`<tr><td>${PARTS[p.part] ?? p.part}</td><td class="num">${count(p.tokens)}</td><td class="num">${String(p.usd_per_million)}</td><td class="num" title=${String(p.cost)}>${money(p.cost)}</td></tr>`)}</tbody></table></div>`}
      ${r.price && html`<p class="note">Priced as <span class="mono">${r.price.priced_as}</span>${r.price.version && `, price list version ${r.price.version}`}${r.price.date && ` of ${String(r.price.date).slice(0, 10)}`}${r.price.long_context ? ', at the long-context rates' : ''}${r.price.tier ? `, tier ${r.price.tier}` : ''}.</p>`}</section>
      ${r.conversation_id && html`<p><a href=${addressOf(address, 'conversations', r.conversation_id)}>Conversation of this request</a></p>`}
      ${Object.keys(r.metadata ?? {}).length > 0 && html`<details><summary>Metadata</summary><${Code} value=${r.metadata} label="Metadata"/></details>`}
      <p class="note mono">${r.id}</p>`}
  <//>`;
}
