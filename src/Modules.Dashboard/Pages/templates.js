import { addressOf, apiPath, html, longTimeIn, useData, zoneOf } from './toolkit.js';
import { Card, Code, CopyButton, CopyLink, Failure, Prose, Time, Zone } from './parts.js';
import { count } from './numbers.js';

export default function Templates({ address, slot }) {
  return address.id ? html`<${Template} key=${address.id} address=${address} slot=${slot}/>` : html`<${List} address=${address} slot=${slot}/>`;
}

function List({ address, slot }) {
  const state = useData(apiPath('/api/v1/templates', { limit: 100 }), { slot }), zone = zoneOf(address);
  return html`<main id="main" tabindex="-1"><div class="top"><h1>Templates</h1><${Zone} address=${address} what="Times are those of"/><${CopyLink} address=${address}/></div>
    <${Card} state=${state} height=${300}>${state.data?.length === 0 ? html`<div class="empty"><p>No template yet.</p><p>Store one with <span class="mono">POST /api/v1/templates</span>; see the <a href="/docs">API page</a>.</p></div>` : html`<div class="tablewrap"><table class="t"><thead><tr><th scope="col">Name</th><th scope="col" class="hide-s">Model</th><th scope="col" class="num hide-s">Version</th><th scope="col" class="hide-s">By</th><th scope="col" class="num">Uses</th><th scope="col" class="num">Last used</th></tr></thead>
      <tbody>${state.data?.map(t => html`<tr key=${t.id}><td class="name"><a href=${addressOf(address, 'templates', t.id)}>${t.name}</a>${t.description && html`<br/><span class="dim">${t.description}</span>`}</td><td class="hide-s">${t.model}</td><td class="num hide-s">${t.version}</td><td class="hide-s">${t.created_by}</td><td class="num">${count(t.usage_count)}</td><td class="num dim"><${Time} zone=${zone} at=${t.last_used_at}/></td></tr>`)}</tbody></table></div>`}
    ${state.cursor && html`<p class="note">The 100 newest are shown.</p>`}<//></main>`;
}

function Template({ address, slot }) {
  const root = `/api/v1/templates/${encodeURIComponent(address.id)}`, zone = zoneOf(address), wanted = Number(address.query.get('version')) || null;
  const about = useData(root, { slot }), versions = useData(apiPath(`${root}/versions`, { limit: 100 }), { slot }), t = about.data;
  const shown = versions.data && (versions.data.find(v => v.version === wanted) ?? versions.data[0]);
  if (about.error && !t) return html`<main id="main" tabindex="-1"><div class="top"><h1>Template</h1></div><section class="card"><${Failure} state=${about}/></section></main>`;
  return html`<main id="main" tabindex="-1"><p><a href=${addressOf(address, 'templates')}>All templates</a></p>
    <div class="top"><h1>${t?.name ?? 'Template'}</h1>${shown && html`<${CopyButton} what="Copy as JSON" text=${JSON.stringify(shown, null, 2)}/>`}<${CopyLink} address=${address}/></div>
    <${Card} state=${about} height=${80}>${t && html`${t.description && html`<p>${t.description}</p>`}<dl class="facts"><div><dt>Uses</dt><dd>${count(t.usage_count)}</dd></div><div><dt>Last used</dt><dd>${t.last_used_at ? longTimeIn(zone, t.last_used_at) : 'never'}</dd></div><div><dt>Variables</dt><dd>${t.variables.length ? t.variables.join(', ') : 'none'}</dd></div><div><dt>Created</dt><dd>${longTimeIn(zone, t.created_at)}</dd></div></dl>`}<//>
    <div class="grid"><${Card} id="text" title=${shown ? `Version ${shown.version}` : 'Text'} state=${versions} height=${200}>${shown && html`
      <dl class="facts"><div><dt>Model</dt><dd>${shown.model}</dd></div><div><dt>Temperature</dt><dd>${String(shown.temperature)}</dd></div><div><dt>At most</dt><dd>${shown.max_tokens == null ? 'no limit' : `${count(shown.max_tokens)} tokens`}</dd></div><div><dt>By</dt><dd>${shown.created_by}</dd></div></dl>
      <h3 class="note">System prompt</h3>${shown.system_prompt ? html`<pre tabindex="0" class="wrap" aria-label="System prompt">${shown.system_prompt}</pre>` : html`<p class="dim">none</p>`}
      ${shown.initial_messages.length > 0 && html`<h3 class="note">First messages</h3>${shown.initial_messages.map(m => html`<article class=${`message ${String(m.role)}`}><header><b>${String(m.role)}</b></header><${Prose} text=${typeof m.content === 'string' ? m.content : JSON.stringify(m.content)}/></article>`)}`}
      ${Object.keys(shown.tool_config).length > 0 && html`<h3 class="note">Tools</h3><${Code} value=${shown.tool_config} label="Tools"/>`}`}<//>
    <${Card} id="versions" title="Versions" state=${versions} height=${200}><table class="t marked"><thead class="vh"><tr><th scope="col">Version</th><th scope="col">When</th></tr></thead><tbody>${versions.data?.map((v, i) => html`<tr key=${v.version}><td><a href=${addressOf(address, 'templates', address.id, { version: i ? v.version : null })} aria-current=${v === shown ? 'true' : null}>${v.version}</a> ${i === 0 && html`<span class="tag">latest</span>`} ${v.labels.filter(l => l !== 'latest').map(l => html`<span class="tag g">${l}</span> `)}</td><td class="num dim"><${Time} zone=${zone} at=${v.created_at}/></td></tr>`)}</tbody></table><//></div>
  </main>`;
}
