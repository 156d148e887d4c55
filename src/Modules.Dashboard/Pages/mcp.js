import { addressOf, apiPath, html, useData, useState, zoneOf } from './toolkit.js';
import { Card, Code, CopyLink, Failure, Loading, Time, Updated, Zone } from './parts.js';
import { count, milliseconds } from './numbers.js';

const LIVE = 30_000;

export default function Mcp({ address, slot }) {
  return address.id ? html`<${Server} key=${address.id} address=${address} slot=${slot}/>` : html`<${List} address=${address} slot=${slot}/>`;
}

/** Whether a server answered when it was last spoken to. */
function Health({ server: s }) {
  if (!s.is_active) return html`<span class="tag">switched off</span>`;
  if (s.last_error_at && (!s.last_seen_at || s.last_error_at > s.last_seen_at)) return html`<span class="tag b">fails</span>`;
  return s.last_seen_at ? html`<span class="tag g">answers</span>` : html`<span class="tag">not spoken to yet</span>`;
}

function List({ address, slot }) {
  const active = useData('/api/v1/mcp/servers', { slot, every: LIVE }), off = useData('/api/v1/mcp/servers?is_active=false', { slot }), zone = zoneOf(address);
  const rows = [...(active.data ?? []), ...(off.data ?? [])];
  return html`<main id="main" tabindex="-1"><div class="top"><h1>MCP servers</h1><${Updated} at=${active.at}/><${Zone} address=${address} what="Times are those of"/><${CopyLink} address=${address}/></div>
    <${Card} state=${active} height=${260}>${rows.length === 0 ? html`<div class="empty"><p>No MCP server yet.</p><p>Register one with <span class="mono">POST /api/v1/mcp/servers</span>; see the <a href="/docs">API page</a>.</p></div>` : html`<div class="tablewrap"><table class="t"><thead><tr><th scope="col">Name</th><th scope="col" class="hide-s">Address</th><th scope="col">State</th><th scope="col" class="num hide-s">Last answer</th><th scope="col" class="hide-s">Last fault</th></tr></thead>
      <tbody>${rows.map(s => html`<tr key=${s.id}><td class="name"><a href=${addressOf(address, 'mcp', s.id)}>${s.name}</a></td><td class="hide-s mono">${s.url}</td><td><${Health} server=${s}/></td><td class="num hide-s dim"><${Time} zone=${zone} at=${s.last_seen_at}/></td><td class="hide-s">${s.last_error ? html`${s.last_error} <span class="dim"><${Time} zone=${zone} at=${s.last_error_at}/></span>` : html`<span class="dim">none</span>`}</td></tr>`)}</tbody></table></div>`}<//></main>`;
}

function Server({ address, slot }) {
  const id = encodeURIComponent(address.id), zone = zoneOf(address), state = useData(`/api/v1/mcp/servers/${id}`, { slot }), s = state.data;
  const tools = useData(apiPath('/api/v1/mcp/tools', { server_id: address.id }), { slot });
  const wanted = address.query.get('tool');
  if (state.error && !s) return html`<main id="main" tabindex="-1"><div class="top"><h1>MCP server</h1></div><section class="card"><${Failure} state=${state}/></section></main>`;
  return html`<main id="main" tabindex="-1"><p><a href=${addressOf(address, 'mcp')}>All MCP servers</a></p><div class="top"><h1>${s?.name ?? 'MCP server'}</h1><${Zone} address=${address} what="Times are those of"/><${CopyLink} address=${address}/></div>
    <${Card} state=${state} height=${90}>${s && html`<dl class="facts"><div><dt>State</dt><dd><${Health} server=${s}/></dd></div><div><dt>Address</dt><dd class="mono">${s.url}</dd></div><div><dt>Transport</dt><dd>${s.transport_type}${s.protocol_version && `, protocol ${s.protocol_version}`}</dd></div><div><dt>Credentials</dt><dd>${s.has_auth_config ? 'stored, not shown' : 'none'}</dd></div><div><dt>Last answer</dt><dd><${Time} zone=${zone} at=${s.last_seen_at}/></dd></div>${s.last_error && html`<div><dt>Last fault</dt><dd>${s.last_error} <span class="dim"><${Time} zone=${zone} at=${s.last_error_at}/></span></dd></div>`}</dl>`}<//>
    <${Card} id="tools" title="Tools" state=${tools} height=${200}>${tools.data?.length === 0 ? html`<p class="empty">No tool is known. Refresh the server with <span class="mono">POST /api/v1/mcp/servers/ID/refresh</span>.</p>` : html`<table class="t marked"><thead><tr><th scope="col">Name</th><th scope="col">What the server says of it</th></tr></thead><tbody>${tools.data?.map(t => html`<tr key=${t.id}><td><a class="mono" href=${addressOf(address, 'mcp', address.id, { tool: t.id === wanted ? null : t.id })} aria-current=${t.id === wanted ? 'true' : null}>${t.name}</a></td><td>${t.description}</td></tr>`)}</tbody></table>`}<//>
    ${wanted && html`<${Tool} key=${wanted} id=${wanted} tool=${tools.data?.find(t => t.id === wanted)} slot=${slot} zone=${zone}/>`}
  </main>`;
}

/** How often a tool ran, how long it took, and its last executions. */
function Tool({ id, tool, slot, zone }) {
  const root = `/api/v1/mcp/tools/${encodeURIComponent(id)}`, stats = useData(`${root}/stats`, { slot }), [open, setOpen] = useState(false), s = stats.data;
  return html`<${Card} id="tool" title=${tool?.name ?? 'Tool'} state=${stats} height=${90}>${s && html`<dl class="facts"><div><dt>Executions</dt><dd>${count(s.executions)}</dd></div><div><dt>Failed</dt><dd>${s.errors ? html`<span class="tag b">${count(s.errors)}</span>` : '0'}</dd></div><div><dt>p50</dt><dd>${s.p50_duration_ms == null ? '–' : milliseconds(Number(s.p50_duration_ms))}</dd></div><div><dt>p95</dt><dd>${s.p95_duration_ms == null ? '–' : milliseconds(Number(s.p95_duration_ms))}</dd></div><div><dt>Last</dt><dd><${Time} zone=${zone} at=${s.last_executed_at}/></dd></div></dl>`}
    ${tool && html`<details><summary>Input schema</summary><${Code} value=${tool.input_schema} label="Input schema"/></details>`}
    ${s?.executions > 0 && html`<details open=${open} onToggle=${e => setOpen(e.target.open)}><summary>The last 20 executions, with inputs and outputs</summary>${open && html`<${History} root=${root} slot=${slot} zone=${zone}/>`}</details>`}<//>`;
}

function History({ root, slot, zone }) {
  const state = useData(`${root}/history?limit=20`, { slot });
  if (!state.data) return state.error ? html`<${Failure} state=${state}/>` : html`<${Loading} height=${120}/>`;
  return html`<div class="cards">${state.data.map(e => html`<article key=${e.id} class=${`message ${e.error ? 'tool' : 'assistant'}`}><header><${Time} zone=${zone} at=${e.executed_at}/><span>${milliseconds(e.duration_ms)}</span>${e.error && html`<span class="tag b">failed</span>`}</header>
    <details><summary>Input</summary><${Code} value=${e.input} label="Input"/></details>${e.error ? html`<p class="bad">${e.error}</p>` : html`<details><summary>Output</summary><${Code} value=${e.output} label="Output"/></details>`}</article>`)}</div>`;
}
