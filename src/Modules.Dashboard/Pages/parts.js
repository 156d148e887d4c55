import { FILTERS, addDays, addressOf, apiPath, browserZone, dateIn, filtersOf, go, html, offsetOf, rangeOf, stored, timeIn, useData, useEffect, useRef, useState, zoneOf } from './toolkit.js';

export const Logo = () => html`<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><circle cx="12" cy="12" r="8.5" fill="none" class="k1" stroke-width="3.4" stroke-dasharray="38 15.4"/><circle cx="18.2" cy="5.8" r="2.6" class="f4"/></svg>`;

/** Radio buttons that look like one control. */
export function Segments({ legend, name, options, value, onChange }) {
  return html`<fieldset class="seg"><legend class="vh">${legend}</legend>${options.map(([id, text]) => html`<label key=${id}><input type="radio" name=${name} value=${id} checked=${id === value} onChange=${() => onChange(id)}/>${text}</label>`)}</fieldset>`;
}

/** The range of a page: 24 hours, 7 or 30 days, the month, or two dates. */
export function Range({ address }) {
  const range = rangeOf(address), [open, setOpen] = useState(false), isOpen = open || range.name === 'custom';
  const choose = name => {
    setOpen(name === 'custom');
    if (name !== 'custom') go(addressOf(address, address.page, address.id, { range: name === '30d' ? null : name, start_date: null, end_date: null, cursor: null }));
  };
  const today = dateIn(range.zone, new Date());
  const submit = event => {
    event.preventDefault();
    const { from, to } = event.target.elements;
    if (from.value && to.value && from.value <= to.value)
      go(addressOf(address, address.page, address.id, { range: null, start_date: from.value, end_date: to.value, cursor: null }));
  };
  return html`<${Segments} legend="Time" name="range" value=${isOpen ? 'custom' : range.name} onChange=${choose} options=${[['24h', '24 h'], ['7d', '7 d'], ['30d', '30 d'], ['month', 'Month'], ['custom', 'Custom']]}/>
    ${isOpen && html`<form class="dates" onSubmit=${submit}><label>from <input type="date" name="from" required max=${today} defaultValue=${(range.from ?? addDays(today, -6)).slice(0, 10)}/></label><label>to <input type="date" name="to" required max=${today} defaultValue=${(range.to ?? today).slice(0, 10)}/></label><button>Show</button></form>`}`;
}

/** A link that shows a colleague the same: a relative range becomes dates, and the zone is named. */
export function CopyLink({ address }) {
  const [copied, set] = useState('');
  const copy = async () => {
    const range = rangeOf(address), hasRange = ['', 'usage', 'models'].includes(address.page);
    const fixed = { timezone: range.zone, ...(hasRange && { range: null, start_date: range.api.start_date, end_date: range.api.end_date ?? new Date().toISOString() }) };
    const link = location.origin + addressOf(address, address.page, address.id, fixed);
    try {
      await navigator.clipboard.writeText(link);
      set('Copied');
    } catch {
      // Browsers give the clipboard to encrypted pages only.
      prompt('Copy this link', link);
    }
    setTimeout(() => set(''), 2000);
  };
  return html`<button class="hide-s" onClick=${copy} aria-live="polite">${copied || 'Copy link'}</button>`;
}

const NAMES = { model: 'Model', alias: 'Alias', origin: 'Origin', provider: 'Provider', profile: 'Profile', cost_source: 'Cost source', conversation_id: 'Conversation', service_tier: 'Service tier' };
const SOURCES = ['client', 'registry', 'own', 'estimated', 'unpriced'];

/** What is filtered, and a way to add a filter. Values to choose from are those of the range's statistics. */
export function Filters({ address, slot, names = FILTERS }) {
  const [adding, setAdding] = useState(null), field = useRef(null), chosen = filtersOf(address), range = rangeOf(address);
  const wantsValues = ['model', 'alias', 'origin'].includes(adding);
  const stats = useData(wantsValues ? apiPath('/api/v1/stats', range.api) : null, { slot });
  useEffect(() => { field.current?.focus(); }, [adding]);
  const set = (name, values) => go(addressOf(address, address.page, address.id, { [name]: values, cursor: null }));
  const values = wantsValues ? Object.keys(stats.data?.[`by_${adding}`] ?? {}) : adding === 'cost_source' ? SOURCES : adding === 'service_tier' ? ['standard', 'batch', 'flex', 'priority'] : [];
  const add = event => {
    event.preventDefault();
    const value = event.target.elements.value.value.trim();
    if (value) set(adding, [...new Set([...(chosen[adding] ?? []), value])]);
    setAdding(null);
  };
  return html`<div class="filters">
    ${Object.entries(chosen).map(([name, list]) => html`<span class="chip" key=${name}><span>${NAMES[name]}: ${list.map(v => v === '~none' ? 'none' : v).join(', ')}</span> <button aria-label=${`Remove the filter on ${NAMES[name]}`} onClick=${() => set(name, null)}>×</button></span>`)}
    ${adding
      ? html`<form class="adding" onSubmit=${add} onKeyDown=${e => e.key === 'Escape' && setAdding(null)}><label>${NAMES[adding]} <input ref=${field} name="value" list="filter-values" autocomplete="off" maxlength="255"/></label><datalist id="filter-values">${values.map(v => html`<option value=${v}></option>`)}<option value="~none">without</option></datalist><button>Add</button><button type="button" onClick=${() => setAdding(null)}>Cancel</button></form>`
      : html`<select aria-label="Add a filter" onChange=${e => { setAdding(e.target.value || null); e.target.value = ''; }}><option value="">+ Filter</option>${names.map(name => html`<option value=${name}>${NAMES[name]}</option>`)}</select>`}
    <${Zone} address=${address}/></div>`;
}

/** The zone of all days and times of a page. */
export function Zone({ address, what = 'Days are those of' }) {
  const [open, setOpen] = useState(false), zone = zoneOf(address), list = useRef(null);
  useEffect(() => { list.current?.focus(); }, [open]);
  const choose = name => {
    setOpen(false);
    stored('zone', name);
    go(addressOf(address, address.page, address.id, { timezone: name === browserZone ? null : name, cursor: null }));
  };
  const zones = () => [...new Set([browserZone, 'UTC', zone, ...(Intl.supportedValuesOf?.('timeZone') ?? [])])];
  return html`<span class="tz">${open
    ? html`<label>Time zone <select ref=${list} onChange=${e => choose(e.target.value)}>${zones().map(name => html`<option value=${name} selected=${name === zone}>${name}${name === browserZone ? ' (yours)' : name === 'UTC' ? ' (as providers bill)' : ''}</option>`)}</select></label> <button onClick=${() => setOpen(false)}>Close</button>`
    : html`${what} ${zone}${zone === 'UTC' ? '' : ` (${offsetOf(zone)})`}. <button onClick=${() => setOpen(true)}>Change</button>${zone !== 'UTC' && html` <button onClick=${() => choose('UTC')}>UTC, as providers bill</button>`}`}</span>`;
}

/** A part of a page that loads, fails and is tried again by itself. state: of useData. */
export function Card({ title, actions, state, height = 80, id, className = '', children }) {
  const head = title && html`<div class="head"><h2 id=${id && `h-${id}`}>${title}</h2>${actions}</div>`;
  return html`<section class=${`card ${state?.stale ? 'stale' : ''} ${className}`} aria-labelledby=${title && id ? `h-${id}` : null} aria-busy=${state?.busy && !state.data ? 'true' : null}>${head}
    ${state && !state.data ? state.error ? html`<${Failure} state=${state}/>` : html`<${Loading} height=${height}/>` : html`${state?.error && html`<${Failure} state=${state}/>`}${children}`}</section>`;
}

export function Loading({ height = 80 }) {
  const [late, set] = useState(false);
  useEffect(() => { const timer = setTimeout(() => set(true), 1000); return () => clearTimeout(timer); }, []);
  return html`<div class="loading" style=${{ minHeight: `${height}px` }} role="status">${late ? 'Still reading …' : ''}</div>`;
}

export function Failure({ state: { error, reload } }) {
  const waits = [0, 429, 503].includes(error.status);
  return html`<div class="failure" role="alert"><p>${error.message}${waits && ` The page asks again in ${error.retryAfter ?? 10} s.`}</p><button onClick=${reload}>Try again</button></div>`;
}

/** When the numbers of a page were read. */
export function Updated({ at }) {
  const [, tick] = useState(0);
  useEffect(() => { const timer = setInterval(() => tick(n => n + 1), 5000); return () => clearInterval(timer); }, []);
  if (!at) return null;
  const seconds = Math.floor((Date.now() - at) / 5000) * 5;
  return html`<span class="dim updated">updated ${seconds < 5 ? 'now' : seconds < 120 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`}</span>`;
}

export function Time({ zone, at }) {
  return at ? html`<time datetime=${at} title=${at}>${timeIn(zone, at)}</time>` : html`<span class="dim">never</span>`;
}

/** A dialog over the page; Escape and a click beside it close it. */
export function Dialog({ title, onClose, children }) {
  const dialog = useRef(null);
  useEffect(() => { if (!dialog.current.open) dialog.current.showModal(); }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onClose=${onClose} onClick=${e => e.target === dialog.current && dialog.current.close()}>
    <div class="sheet"><div class="head"><h2 id="dialog-title">${title}</h2><button onClick=${() => dialog.current.close()}>Close</button></div>${children}</div></dialog>`;
}

/** Text of a stranger: line breaks and fenced code are kept, web addresses become links, nothing else is markup. */
export function Prose({ text }) {
  return html`<div class="prose">${text.split(/(```[\s\S]*?(?:```|$))/).map(part => part.startsWith('```')
    ? html`<pre tabindex="0"><code>${part.replace(/^```[^\n]*\n?|\n?```$/g, '')}</code></pre>`
    : html`<span>${part.split(/(https?:\/\/[^\s<>"')\]]+)/).map((piece, i) => i % 2 ? html`<a href=${piece} target="_blank" rel="noopener noreferrer">${piece}</a>` : piece)}</span>`)}</div>`;
}

/** JSON with indentation; a text that is no JSON stays as it is. */
export function Code({ value, label }) {
  let text = value;
  try { text = JSON.stringify(typeof value === 'string' ? JSON.parse(value) : value, null, 2); } catch { /* shown as it is */ }
  return html`<pre tabindex="0" aria-label=${label} class="wrap">${text}</pre>`;
}

export function CopyButton({ text, what = 'Copy' }) {
  const [done, set] = useState(false);
  const copy = async () => {
    try { await navigator.clipboard.writeText(text); } catch { prompt('Copy this text', text); }
    set(true);
    setTimeout(() => set(false), 2000);
  };
  return html`<button onClick=${copy} aria-live="polite">${done ? 'Copied' : what}</button>`;
}
