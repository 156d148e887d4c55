import { h, render } from './vendor/preact.js';
import { useEffect, useLayoutEffect, useRef, useState } from './vendor/hooks.js';
import htm from './vendor/htm.js';

export const html = htm.bind(h);
export { render, useEffect, useLayoutEffect, useRef, useState };

// ---- The address: page, slot and every filter are in it, so that a link shows the same to a colleague. ----

export const FILTERS = ['model', 'alias', 'origin', 'provider', 'profile', 'cost_source', 'conversation_id', 'service_tier'];
const KEPT = ['range', 'start_date', 'end_date', 'timezone', ...FILTERS];

/** /dashboard/s/SLOT/PAGE/ID?query, or without a slot where a proxy signs users in. */
export function readAddress() {
  const parts = location.pathname.split('/').filter(Boolean).slice(1).map(decodeURIComponent);
  const slot = parts[0] === 's' ? parts[1] ?? null : null, [page = '', id = ''] = parts[0] === 's' ? parts.slice(2) : parts;
  return { slot, page, id, query: new URLSearchParams(location.search) };
}

/** The address of a page. Range, zone and filters stay; changes are added (null removes one, an array repeats it). */
export function addressOf(address, page, id = '', changes = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of address.query)
    if (KEPT.includes(name) || page === address.page && id === address.id) query.append(name, value);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of Array.isArray(value) ? value : value == null || value === '' ? [] : [value]) query.append(name, one);
  }
  const path = ['/dashboard', ...(address.slot ? ['s', address.slot] : []), ...(page ? [page] : []), ...(id ? [id] : [])];
  const text = query.toString();
  return path.map((part, i) => i ? encodeURIComponent(part) : part).join('/') + (text && '?' + text);
}

export function go(address, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  dispatchEvent(new Event('addresschange'));
}

export function useAddress() {
  const [address, set] = useState(readAddress);
  useEffect(() => {
    const read = () => set(readAddress());
    addEventListener('popstate', read);
    addEventListener('addresschange', read);
    return () => { removeEventListener('popstate', read); removeEventListener('addresschange', read); };
  }, []);
  return address;
}

/** Links within the dashboard do not load the document again. */
export function followLinks(event) {
  const link = event.target.closest?.('a[href]');
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || !link.pathname.startsWith('/dashboard') || link.hasAttribute('download') || link.target) return;
  event.preventDefault();
  go(link.href);
  scrollTo(0, 0);
}

// ---- The API ----

/** A failed request: status 0 where the server did not answer. */
export class ApiError extends Error {
  constructor(status, detail, retryAfter) {
    super(detail);
    Object.assign(this, { status, retryAfter });
  }
}

/** Fractions stay the decimal text that the server sent; whole numbers are numbers. */
export const parseJson = text => JSON.parse(text, (_, value, context) =>
  typeof value === 'number' && !Number.isSafeInteger(value) ? context?.source ?? String(value) : value);

export async function request(path, { slot, method = 'GET', body, key, signal } = {}) {
  const headers = { 'X-LLMRing-Dashboard': slot || '*' };
  if (key) headers['X-API-Key'] = key;
  if (body) headers['Content-Type'] = 'application/json';
  let response, text;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, cache: method === 'GET' && path.startsWith('/registry') ? 'default' : 'no-store' });
    text = await response.text();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The server does not answer.');
  }
  let data = null;
  try { data = text && parseJson(text); } catch { /* an answer of a proxy in between is not JSON */ }
  if (!response.ok) {
    const detail = typeof data?.detail === 'string' ? data.detail : data?.detail?.map?.(fault => `${fault.loc?.join('.')}: ${fault.msg}`).join('; ');
    if (response.status === 401 && method === 'GET' && !key) dispatchEvent(new CustomEvent('signedout'));
    throw new ApiError(response.status, detail || `The server answered ${response.status}.`, Number(response.headers.get('Retry-After')) || null);
  }
  return { data, cursor: response.headers.get('X-Next-Cursor'), headers: response.headers };
}

/** Path and query of the API; arrays repeat a parameter. */
export function apiPath(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    for (const one of Array.isArray(value) ? value : value == null || value === '' ? [] : [value]) query.append(name, one);
  const text = query.toString();
  return path + (text && '?' + text);
}

/**
 * Reads a path, again every `every` milliseconds while the page is visible. Old data stays until the new data is there. A refusal with
 * Retry-After is waited for. Paths may be null: nothing is read.
 */
export function useData(path, { slot, every = 0 } = {}) {
  const [state, set] = useState({ path: null, data: null, error: null, at: null, busy: false });
  const [turn, again] = useState(0);
  useEffect(() => {
    if (path == null) return;
    const abort = new AbortController();
    let timer;
    const load = async () => {
      set(before => ({ ...before, busy: true }));
      try {
        const answer = await request(path, { slot, signal: abort.signal });
        set({ path, ...answer, error: null, at: Date.now(), busy: false });
        if (every) timer = setTimeout(whenVisible, every);
      } catch (error) {
        if (error.name === 'AbortError') return;
        set(before => ({ ...before, error, busy: false }));
        if ([0, 429, 503].includes(error.status)) timer = setTimeout(whenVisible, (error.retryAfter ?? 10) * 1000);
      }
    };
    const whenVisible = () => document.hidden ? document.addEventListener('visibilitychange', load, { once: true, signal: abort.signal }) : load();
    load();
    return () => { abort.abort(); clearTimeout(timer); };
  }, [path, slot, every, turn]);
  return { ...state, stale: path != null && state.path != null && state.path !== path, reload: () => again(n => n + 1) };
}

// ---- Time: one zone for all of a page. ----

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

function isZone(name) {
  try { return !!new Intl.DateTimeFormat('en', { timeZone: name }); } catch { return false; }
}

export function zoneOf(address) {
  const chosen = address.query.get('timezone') || stored('zone') || browserZone;
  return isZone(chosen) ? chosen : 'UTC';
}

/** The local storage holds the zone and the theme; it may be forbidden. */
export function stored(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(`llmring.${name}`, value);
    return localStorage.getItem(`llmring.${name}`);
  } catch { return null; }
}

const formats = new Map();
function format(zone, options) {
  const key = zone + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options }));
  return formats.get(key);
}

/** The date of an instant in a zone, as 2026-11-25. */
export function dateIn(zone, instant) {
  const parts = Object.fromEntries(format(zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(instant).map(p => [p.type, p.value]));
  return `${parts.year}-${parts.month}-${parts.day}`;
}

export const addDays = (date, days) => new Date(Date.parse(date + 'T00:00:00Z') + days * 864e5).toISOString().slice(0, 10);
export const timeIn = (zone, text) => format(zone, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(text)).replace(',', '');
export const longTimeIn = (zone, text) => format(zone, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(text)) + ` (${zone})`;

/** UTC+1 of a zone now. */
export function offsetOf(zone) {
  const name = format(zone, { timeZoneName: 'shortOffset' }).formatToParts(new Date()).find(p => p.type === 'timeZoneName').value;
  return name.replace('GMT', 'UTC');
}

/** The label of a period from its own text, which is local time in the zone that was asked for: labels are never shifted. */
export function periodLabel(text, unit) {
  const [, year, month, day, hour] = /^(\d+)-(\d+)-(\d+)T(\d+)/.exec(text);
  const name = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][month - 1];
  return unit === 'hour' ? `${hour}:00, ${+day} ${name}` : unit === 'month' ? `${name} ${year}` : `${+day} ${name}`;
}

/** The chosen range: what to ask the API for, how to divide it, and the same span before it. */
export function rangeOf(address) {
  const zone = zoneOf(address), now = new Date(), today = dateIn(zone, now), query = address.query;
  const from = query.get('start_date'), to = query.get('end_date');
  const name = from ? 'custom' : ['24h', '7d', '30d', 'month'].includes(query.get('range')) ? query.get('range') : '30d';
  const before = (date, days) => ({ start_date: addDays(date, -days), end_date: new Date(now - days * 864e5).toISOString() });
  if (name === '24h') {
    const start = new Date(Math.floor((now - 23 * 36e5) / 36e5) * 36e5);
    return { name, zone, unit: 'hour', words: 'these 24 hours', before: '24 hours before',
      api: { start_date: start.toISOString(), timezone: zone },
      previous: { start_date: new Date(start - 864e5).toISOString(), end_date: new Date(now - 864e5).toISOString(), timezone: zone } };
  }
  if (name === 'custom') {
    const end = to || today, isDate = /^\d{4}-\d\d-\d\d$/, areDates = isDate.test(from) && isDate.test(end);
    const span = (Date.parse(end) - Date.parse(from)) / 864e5 + (areDates ? 1 : 0), days = areDates ? Math.round(span) : null;
    return { name, zone, from, to: end, unit: span > 120 ? 'week' : span <= 2 ? 'hour' : 'day', words: 'this range', before: days ? `${days} days before` : null,
      api: { start_date: from, end_date: end, timezone: zone },
      previous: days ? { start_date: addDays(from, -days), end_date: addDays(from, -1), timezone: zone } : null };
  }
  const days = name === 'month' ? Number(today.slice(8)) : name === '7d' ? 7 : 30, start = addDays(today, 1 - days);
  return { name, zone, unit: 'day', from: start, to: today, words: name === 'month' ? 'this month' : `these ${days} days`, before: `${days} days before`,
    api: { start_date: start, end_date: today, timezone: zone }, previous: { ...before(start, days), timezone: zone } };
}

export function filtersOf(address) {
  return Object.fromEntries(FILTERS.map(name => [name, address.query.getAll(name).filter(Boolean)]).filter(([, values]) => values.length));
}
