import { addressOf, followLinks, go, html, render, request, stored, useAddress, useEffect, useRef, useState } from './toolkit.js';
import { Failure, Loading, Logo } from './parts.js';

// A page is loaded when it is first opened. Pages of a module that is off are not in the menu.
const PAGES = [
  { name: '', title: 'Overview', module: 'usage', load: () => import('./overview.js') },
  { name: 'usage', title: 'Usage', module: 'usage', load: () => import('./usage.js') },
  { name: 'conversations', title: 'Conversations', module: 'conversations', load: () => import('./conversations.js') },
  { name: 'mcp', title: 'MCP servers', module: 'mcp', load: () => import('./mcp.js') },
  { name: 'templates', title: 'Templates', module: 'templates', load: () => import('./templates.js') },
  { name: 'models', title: 'Models and prices', module: 'registry', load: () => import('./models.js') },
];

const theme = stored('theme');
if (theme) document.documentElement.dataset.theme = theme;

function switchTheme() {
  const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  stored('theme', root.dataset.theme);
}

function Side({ address, session, pages }) {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [address]);
  const signOut = async () => {
    await request('/dashboard/session', { method: 'DELETE' });
    location.assign('/dashboard');
  };
  const choose = slot => slot ? go(`/dashboard/s/${encodeURIComponent(slot)}`) : go('/dashboard/s/new');
  return html`<header class=${`side ${open ? 'open' : ''}`}>
    <a class="brand" href=${addressOf(address, '')}><${Logo}/>LLMRing</a>
    <button class="menu" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>Menu</button>
    <nav aria-label="Pages"><ul>${pages.map(page => html`<li key=${page.name}><a href=${addressOf(address, page.name)} aria-current=${page.name === address.page ? 'page' : null}>${page.title}</a></li>`)}</ul></nav>
    <div class="foot">${session.slot && html`<label>Project<select onChange=${e => choose(e.target.value)}>${session.slots.map(s => html`<option value=${s.slot} selected=${s.slot === session.slot}>${s.label}</option>`)}<option value="">Add a key …</option></select></label>`}
      <span>${session.accepts_any_key ? 'Bridge mode' : 'Strict mode'} · ${session.version}</span>
      <span><button onClick=${switchTheme}>Theme</button> · <a href="/docs">API</a>${session.slot && html` · <button onClick=${signOut}>Sign out</button>`}</span></div>
  </header>`;
}

/** A page of another module: its script gets an element and the tools, and needs no file of the dashboard. */
function ModulePage({ page, address, session }) {
  const element = useRef(null), [error, setError] = useState(null);
  useEffect(() => {
    const leave = new AbortController();
    (async () => {
      try {
        const [script, toolkit, numbers, charts, parts] = await Promise.all([import(page.script), import('./toolkit.js'), import('./numbers.js'), import('./charts.js'), import('./parts.js')]);
        const api = (path, options) => request(path, { slot: session.slot, signal: leave.signal, ...options }).then(answer => answer.data);
        if (!leave.signal.aborted)
          script.default({ element: element.current, api, html, render, hooks: toolkit, format: numbers, charts, parts, url: name => addressOf(address, name), signal: leave.signal });
      } catch (failure) {
        setError(failure);
      }
    })();
    return () => { leave.abort(); if (element.current) render(null, element.current); };
  }, [page.script, session.slot]);
  return html`<main id="main" tabindex="-1"><div class="top"><h1>${page.title}</h1></div>${error && html`<p class="bad" role="alert">The page of the module failed: ${error.message}</p>`}<div ref=${element}></div></main>`;
}

/** Loads the page of the address; the old one stays until the new one is there. */
function Page({ pages, address, session }) {
  const page = pages.find(p => p.name === address.page), [loaded, set] = useState({ name: null, View: null }), [error, setError] = useState(null);
  useEffect(() => {
    setError(null);
    document.title = `${page?.title ?? 'Not found'} – LLMRing`;
    page?.load?.().then(script => set({ name: page.name, View: script.default }), setError);
  }, [page?.name]);
  if (!page) return html`<main id="main" tabindex="-1"><div class="top"><h1>There is no such page</h1></div><p>The page does not exist, or its module is off. <a href=${addressOf(address, pages[0]?.name ?? '')}>To the first page</a></p></main>`;
  if (page.script) return html`<${ModulePage} key=${page.name} page=${page} address=${address} session=${session}/>`;
  if (error) return html`<main id="main" tabindex="-1"><${Failure} state=${{ error, reload: () => location.reload() }}/></main>`;
  if (loaded.name !== page.name) return html`<main id="main" tabindex="-1"><div class="top"><h1>${page.title}</h1></div><${Loading} height=${300}/></main>`;
  return html`<${loaded.View} address=${address} session=${session} slot=${session.slot}/>`;
}

function App() {
  const address = useAddress(), [session, setSession] = useState(null), [state, setState] = useState('reading'), [error, setError] = useState(null), [SignIn, setSignIn] = useState(null);
  const needSignIn = () => { setState('sign-in'); import('./signin.js').then(script => setSignIn(() => script.default)); };
  const accept = data => {
    setSession(data);
    setState('in');
    if (data.slot && data.slot !== address.slot) go(addressOf({ ...address, slot: data.slot }, address.page, address.id), { replace: true });
  };
  const read = async () => {
    setState(session ? 'in' : 'reading');
    try {
      accept((await request('/dashboard/session', { slot: address.slot })).data);
    } catch (failure) {
      if (failure.status === 401 || failure.status === 400) needSignIn();
      else { setError(failure); setState('failed'); }
    }
  };
  useEffect(() => { if (!session || (session.slot ?? null) !== address.slot) read(); }, [address.slot]);
  useEffect(() => {
    const out = () => { setSession(null); needSignIn(); };
    addEventListener('signedout', out);
    return () => removeEventListener('signedout', out);
  }, []);
  if (state === 'failed') return html`<div class="center"><main id="main" class="card"><h1 class="brand"><${Logo}/>LLMRing</h1><${Failure} state=${{ error, reload: read }}/></main></div>`;
  if (state === 'sign-in' && SignIn) return html`<${SignIn} wanted=${address.slot && address.slot !== 'new' ? address.slot : null} onDone=${accept}/>`;
  if (!session || state !== 'in') return html`<div class="center" aria-busy="true"><span class="vh" role="status">Reading the session</span></div>`;
  const pages = [...PAGES.filter(page => session.modules.includes(page.module)), ...session.pages];
  return html`<div class="app" onClick=${followLinks}><a class="skip" href="#main" onClick=${e => { e.preventDefault(); e.stopPropagation(); document.getElementById('main').focus(); }}>To the content</a>
    <${Side} address=${address} session=${session} pages=${pages}/><${Page} key=${session.slot} pages=${pages} address=${address} session=${session}/></div>`;
}

render(html`<${App}/>`, document.getElementById('root'));
