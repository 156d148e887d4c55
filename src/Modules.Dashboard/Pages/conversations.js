import { addressOf, apiPath, go, html, longTimeIn, request, useData, useEffect, useRef, useState, zoneOf } from './toolkit.js';
import { Card, Code, CopyLink, Failure, Prose, Time, Updated, Zone } from './parts.js';
import { count, money } from './numbers.js';

const PAGE = 20, MESSAGES = 100, LIVE = 30_000;

export default function Conversations({ address, slot }) {
  return address.id ? html`<${Reader} key=${address.id} address=${address} slot=${slot}/>` : html`<${List} address=${address} slot=${slot}/>`;
}

function List({ address, slot }) {
  const q = address.query.get('q') ?? '', [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  const search = event => {
    event.preventDefault();
    go(addressOf(address, 'conversations', '', { q: text.trim() || null }));
  };
  return html`<main id="main" tabindex="-1">
    <div class="top"><h1>Conversations</h1><${Zone} address=${address} what="Times are those of"/><${CopyLink} address=${address}/></div>
    <form role="search" class="search" onSubmit=${search}><input type="search" name="q" aria-label="Search in all messages" placeholder=${'Search in all messages: words, "a phrase", -without, pref*'} maxlength="500" value=${text} onInput=${e => setText(e.target.value)}/><button>Search</button></form>
    ${q ? html`<${Hits} key=${q} q=${q} address=${address} slot=${slot}/>` : html`<${Newest} address=${address} slot=${slot}/>`}
  </main>`;
}

/** The snippet of a hit is HTML with marks; it becomes text and marks, and nothing else. */
function Snippet({ text }) {
  const plain = part => part.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name]);
  return html`<span>${text.split(/<mark>([\s\S]*?)<\/mark>/).map((part, i) => i % 2 ? html`<mark>${plain(part)}</mark>` : plain(part))}</span>`;
}

function Hits({ q, address, slot }) {
  const state = useData(apiPath('/api/v1/conversations/search', { q, limit: 50 }), { slot }), zone = zoneOf(address);
  return html`<${Card} state=${state} height=${300}><p class="dim" role="status">${state.data?.length ? `${state.data.length === 50 ? 'The 50 best hits' : `${count(state.data.length)} hit${state.data.length === 1 ? '' : 's'}`} for “${q}”` : `Nothing found for “${q}”`}</p>
    ${state.data?.map(hit => html`<a class="hit" key=${hit.message_id ?? hit.conversation_id} href=${addressOf(address, 'conversations', hit.conversation_id, { message: hit.message_id })}>
      <span><b>${hit.title || 'Without a title'}</b> <span class="dim">${hit.role ?? 'title'} · <${Time} zone=${zone} at=${hit.timestamp}/></span></span><${Snippet} text=${hit.snippet}/></a>`)}<//>`;
}

function Newest({ address, slot }) {
  const path = apiPath('/api/v1/conversations', { limit: PAGE }), first = useData(path, { slot, every: LIVE }), zone = zoneOf(address);
  const [older, setOlder] = useState({ rows: [], cursor: null, busy: false, error: null }), cursor = older.rows.length ? older.cursor : first.cursor;
  const more = async () => {
    setOlder({ ...older, busy: true });
    try {
      const { data, cursor: next } = await request(`${path}&cursor=${encodeURIComponent(cursor)}`, { slot });
      setOlder({ rows: [...older.rows, ...data], cursor: next, busy: false, error: null });
    } catch (error) {
      setOlder({ ...older, busy: false, error });
    }
  };
  const seen = new Set(), rows = [...(first.data ?? []), ...older.rows].filter(c => !seen.has(c.id) && seen.add(c.id));
  return html`<${Card} state=${first} height=${400}>
    ${first.data?.length === 0 ? html`<div class="empty"><p>No conversation yet.</p><p>The SDK stores them with <span class="mono">POST /api/v1/conversations/log</span>; see the <a href="/docs">API page</a>.</p></div>` : html`<p class="dim">Last updated first <${Updated} at=${first.at}/></p><div class="tablewrap"><table class="t"><thead><tr><th scope="col">Title</th><th scope="col" class="hide-s">Model</th><th scope="col" class="num hide-s">Messages</th><th scope="col" class="num hide-s">In</th><th scope="col" class="num hide-s">Out</th><th scope="col" class="num">Cost</th><th scope="col" class="num">Updated</th></tr></thead>
    <tbody>${rows.map(c => html`<tr key=${c.id}><td class="name"><a href=${addressOf(address, 'conversations', c.id)}>${c.title || html`<span class="dim">Without a title</span>`}</a></td><td class="hide-s">${c.model_alias}</td><td class="num hide-s">${count(c.message_count)}</td><td class="num hide-s">${count(c.total_input_tokens)}</td><td class="num hide-s">${count(c.total_output_tokens)}</td><td class="num" title=${String(c.total_cost)}>${money(c.total_cost)}</td><td class="num dim"><${Time} zone=${zone} at=${c.updated_at}/></td></tr>`)}</tbody></table></div>`}
    ${older.error && html`<${Failure} state=${{ error: older.error, reload: more }}/>`}
    ${cursor && html`<div class="more"><button onClick=${more} disabled=${older.busy}>Older</button><span class="dim">${count(rows.length)} shown</span></div>`}<//>`;
}

function Reader({ address, slot }) {
  const root = `/api/v1/conversations/${encodeURIComponent(address.id)}`, wanted = address.query.get('message'), zone = zoneOf(address);
  const about = useData(`${root}?include_messages=false`, { slot }), cost = useData(`${root}/cost`, { slot });
  const path = apiPath(`${root}/messages`, { limit: MESSAGES, around: wanted }), first = useData(path, { slot });
  const [later, setLater] = useState({ path, rows: [], cursor: null, busy: false, error: null }), here = later.path === path ? later : { path, rows: [], cursor: null };
  const cursor = here.rows.length ? here.cursor : first.cursor, messages = [...(first.data ?? []), ...here.rows], c = about.data, usage = cost.data?.summary;
  const more = async () => {
    setLater({ ...here, busy: true });
    try {
      const { data, cursor: next } = await request(apiPath(`${root}/messages`, { limit: MESSAGES, cursor }), { slot });
      setLater({ path, rows: [...here.rows, ...data], cursor: next, busy: false });
    } catch (error) {
      setLater({ ...here, busy: false, error });
    }
  };
  if (about.error && !c) return html`<main id="main" tabindex="-1"><div class="top"><h1>Conversation</h1></div><section class="card"><${Failure} state=${about}/></section></main>`;
  return html`<main id="main" tabindex="-1">
    <p><a href=${addressOf(address, 'conversations')}>All conversations</a></p>
    <div class="top"><h1>${c ? c.title || 'Without a title' : 'Conversation'}</h1><${CopyLink} address=${address}/><a class="button" download href=${apiPath(`${root}/export`, { slot })}>Export</a></div>
    <${Card} state=${about} height=${90}>${c && html`<dl class="facts">
      <div><dt>Model</dt><dd>${c.model_alias}</dd></div><div><dt>Messages</dt><dd>${count(c.message_count)}</dd></div><div><dt>Tokens</dt><dd>${count(c.total_input_tokens)} in, ${count(c.total_output_tokens)} out</dd></div>
      <div><dt>Cost of the answers</dt><dd title=${String(c.total_cost)}>${money(c.total_cost)}</dd></div>
      ${usage?.total_requests > 0 && html`<div><dt>Cost of its requests</dt><dd title=${usage.total_cost}><a href=${addressOf(address, 'usage', '', { conversation_id: c.id })}>${money(usage.total_cost)}, ${count(usage.total_requests)} request${usage.total_requests === 1 ? '' : 's'}</a></dd></div>`}
      <div><dt>Begun</dt><dd>${longTimeIn(zone, c.created_at)}</dd></div></dl>
      ${c.system_prompt && html`<details><summary>System prompt</summary><${Prose} text=${c.system_prompt}/></details>`}`}<//>
    ${wanted && html`<p><a href=${addressOf(address, 'conversations', address.id, { message: null })}>Read from the beginning</a></p>`}
    <${Card} state=${first} height=${300}><div class="reader">${messages.length === 0 ? html`<p class="empty">There is no message.</p>` : messages.map(m => html`<${Message} key=${m.id} message=${m} zone=${zone} found=${m.id === wanted}/>`)}</div>
      ${here.error && html`<${Failure} state=${{ error: here.error, reload: more }}/>`}
      ${cursor && html`<div class="more"><button onClick=${more} disabled=${here.busy}>Later messages</button></div>`}<//>
  </main>`;
}

function Message({ message: m, zone, found }) {
  const element = useRef(null), meta = m.metadata ?? {};
  useEffect(() => { if (found) element.current.scrollIntoView({ block: 'center' }); }, []);
  const parts = parse(m.content);
  return html`<article ref=${element} class=${`message ${m.role} ${found ? 'found' : ''}`} aria-label=${m.role}>
    <header><b>${m.role}</b>${m.name && html`<span>${m.name}</span>`}${meta.model && html`<span>${meta.model}</span>`}<${Time} zone=${zone} at=${m.timestamp}/>
      ${(m.input_tokens != null || m.output_tokens != null) && html`<span>${count(m.input_tokens ?? 0)} in, ${count(m.output_tokens ?? 0)} out</span>`}
      ${meta.cost != null && html`<span title=${String(meta.cost)}>${meta.cost_source === 'unpriced' ? 'no price' : money(meta.cost)}</span>`}</header>
    ${m.content == null ? !m.tool_calls && !m.tool_results && html`<p class="dim">The text was not stored.</p>`
      : m.role === 'tool' || m.role === 'function' ? html`<details><summary>Result of a tool, ${count(m.content.length)} characters</summary><${Code} value=${m.content} label="Result"/></details>`
      : parts ? parts.map(part => part.text != null ? html`<${Prose} text=${String(part.text)}/>` : html`<details><summary>${String(part.type ?? 'part')}</summary><${Code} value=${part} label="Part of the message"/></details>`)
      : html`<${Prose} text=${m.content}/>`}
    ${(m.tool_calls ?? []).map(call => html`<details><summary>Calls ${String(call.function?.name ?? call.name ?? 'a tool')}</summary><${Code} value=${call.function?.arguments ?? call.arguments ?? call.input ?? call} label="Arguments"/></details>`)}
    ${m.tool_results?.length > 0 && html`<details><summary>Results of tools</summary><${Code} value=${m.tool_results} label="Results"/></details>`}
  </article>`;
}

/** The parts of a multimodal message, which is stored as JSON text; null for plain text. */
function parse(content) {
  if (!content?.startsWith('[{')) return null;
  try {
    const parts = JSON.parse(content);
    return Array.isArray(parts) && parts.every(part => part && typeof part === 'object') ? parts : null;
  } catch { return null; }
}
