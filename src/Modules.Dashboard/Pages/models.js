import { addressOf, apiPath, filtersOf, go, html, rangeOf, useData, useEffect, useState } from './toolkit.js';
import { Card, CopyLink } from './parts.js';
import { count, decimal, exact, money, short } from './numbers.js';

const CAPABILITIES = { vision: 'Vision', function_calling: 'Tools', json_mode: 'JSON', caching: 'Cache', thinking: 'Thinking' };
const SHOWN = 100;

/** What 100,000 tokens in and 2,000 out cost, below any long-context threshold. */
const example = model => (decimal(model.dollars_per_million_tokens_input) * 100_000n + decimal(model.dollars_per_million_tokens_output) * 2_000n) / 1_000_000n;

export default function Models({ address, slot, session }) {
  const hasUsage = session.modules.includes('usage'), range = rangeOf(address), query = address.query;
  const registry = useData('/registry', { slot }), stats = useData(hasUsage ? apiPath('/api/v1/stats', range.api) : null, { slot });
  const q = query.get('q') ?? '', [text, setText] = useState(q), can = query.getAll('can').filter(name => CAPABILITIES[name]), provider = query.get('of') ?? '', mine = query.get('mine') === '1';
  useEffect(() => setText(q), [q]);
  const set = (changes, options) => go(addressOf(address, 'models', '', changes), options);
  const used = stats.data?.by_model ?? {}, data = registry.data, bundled = registry.headers?.get('X-LLMRing-Registry')?.includes('bundled');
  const rows = data ? Object.entries(data.models).map(([key, m]) => ({ key, m, use: used[m.model_name] ?? used[key] }))
    .filter(({ key, m, use }) => (!provider || m.provider === provider) && (!mine || use) && can.every(name => m[`supports_${name}`]) && (!q || `${key} ${m.display_name ?? ''}`.toLowerCase().includes(q.toLowerCase())))
    .sort((a, b) => (b.use?.requests ?? 0) - (a.use?.requests ?? 0) || (a.key < b.key ? -1 : 1)) : [];
  const unpriced = Object.entries(used).filter(([, m]) => m.unpriced_requests > 0);
  const rate = value => value == null ? html`<span class="dim">–</span>` : `$${String(value).replace(/^(\d+)(?:\.(\d*))?$/, (_, whole, places = '') => `${whole}.${places.padEnd(2, '0')}`)}`;
  return html`<main id="main" tabindex="-1"><div class="top"><h1>Models and prices</h1><${CopyLink} address=${address}/></div>
    <div class="filters"><label class="vh" for="model-q">Search a model</label><input id="model-q" type="search" placeholder="Search a model" maxlength="100" value=${text} onInput=${e => { setText(e.target.value); set({ q: e.target.value || null }, { replace: true }); }}/>
      <select aria-label="Provider" onChange=${e => set({ of: e.target.value || null })}><option value="">All providers</option>${Object.keys(data?.providers ?? {}).map(name => html`<option value=${name} selected=${name === provider}>${name}</option>`)}</select>
      ${hasUsage && html`<label><input type="checkbox" checked=${mine} onChange=${e => set({ mine: e.target.checked ? '1' : null })}/> used in ${range.words}</label>`}
      ${Object.entries(CAPABILITIES).map(([name, title]) => html`<label key=${name}><input type="checkbox" checked=${can.includes(name)} onChange=${e => set({ can: e.target.checked ? [...can, name] : can.filter(c => c !== name) })}/> ${title}</label>`)}</div>
    ${unpriced.length > 0 && html`<section class="card kpi warn" aria-labelledby="h-unknown"><div class="head"><h2 id="h-unknown">Used in ${range.words} without a price</h2></div><p>${unpriced.map(([name, m], i) => html`${i ? ', ' : ''}<a class="mono" href=${addressOf(address, 'usage', '', { model: name, cost_source: 'unpriced' })}>${name}</a> (${count(m.unpriced_requests)})`)}.</p>
      <p class="note">These requests count as $0. The next version of the registry may know the models; until then an operator can name prices in the file of <span class="mono">LLMRING_PRICES</span>, or the client can send <span class="mono">cost</span>.</p></section>`}
    <${Card} state=${registry} height=${400}>${data && html`<p class="dim" role="status">${count(rows.length)} of ${count(Object.keys(data.models).length)} models; ${bundled ? `prices bundled with the server, of ${registry.headers.get('X-LLMRing-Registry').split('date=')[1]}: the registry has not answered yet` : `registry version ${data.version}`}. USD per million tokens. An operator's own prices win over these; each request says which price it got.</p>
      <div class="tablewrap" tabindex="0" role="region" aria-label="Models"><table class="t"><thead><tr><th scope="col">Model</th><th scope="col" class="num">Input</th><th scope="col" class="num hide-s">Cached</th><th scope="col" class="num">Output</th><th scope="col" class="num hide-s">100k in, 2k out</th><th scope="col" class="num hide-s">Context</th><th scope="col" class="hide-s">Can</th>${hasUsage && html`<th scope="col" class="num">Requests</th>`}</tr></thead>
      <tbody>${rows.slice(0, SHOWN).map(({ key, m, use }) => html`<tr key=${key}><td class="name"><span class="dim">${m.provider}:</span>${m.model_name}${m.is_active === false && html` <span class="tag">retired</span>`}</td><td class="num">${rate(m.dollars_per_million_tokens_input)}</td><td class="num hide-s dim">${rate(m.dollars_per_million_tokens_cache_read ?? m.dollars_per_million_tokens_cached_input)}</td><td class="num">${rate(m.dollars_per_million_tokens_output)}</td>
        <td class="num hide-s">${m.dollars_per_million_tokens_input == null || m.dollars_per_million_tokens_output == null ? '–' : html`<span title=${exact(example(m))}>${money(example(m))}</span>`}</td><td class="num hide-s">${!m.max_input_tokens ? '–' : html`<span title=${count(m.max_input_tokens)}>${short(m.max_input_tokens)}</span>`}</td>
        <td class="hide-s dim">${Object.entries(CAPABILITIES).filter(([name]) => m[`supports_${name}`]).map(([, title]) => title).join(', ')}</td>${hasUsage && html`<td class="num">${use ? html`<a href=${addressOf(address, 'usage', '', { ...filtersOf(address), model: m.model_name })}>${count(use.requests)}</a>` : ''}</td>`}</tr>`)}</tbody></table></div>
      ${rows.length > SHOWN && html`<p class="note">The first ${SHOWN} are shown; search to see others.</p>`}${rows.length === 0 && html`<p class="empty">No model matches.</p>`}`}<//>
  </main>`;
}
