import { go, html, request, useEffect, useRef, useState } from './toolkit.js';
import { Logo } from './parts.js';

const isLocal = /^(localhost|127\.|\[::1\])/.test(location.hostname);

/** The form that exchanges an API key for a session. The key goes to the server once and stays nowhere in the browser. */
export default function SignIn({ wanted, other, onDone }) {
  const [error, setError] = useState(''), [busy, setBusy] = useState(false), field = useRef(null);
  useEffect(() => field.current.focus(), []);
  const submit = async event => {
    event.preventDefault();
    const { key, label } = event.target.elements, value = key.value.trim();
    if (!/^[\x21-\x7e]+$/.test(value)) return setError('A key has no spaces and only ASCII characters.');
    setBusy(true);
    setError('');
    try {
      const { data } = await request('/dashboard/session', { method: 'POST', key: value, body: { label: label.value.trim() || wanted || null } });
      try {
        onDone((await request('/dashboard/session', { slot: data.slot })).data);
      } catch (failure) {
        setError(failure.status === 401 ? 'The browser did not keep the cookie of the session: allow cookies for this site.' : failure.message);
      }
    } catch (failure) {
      setError(failure.status === 401 ? 'The server does not know this key, or it is revoked.' : failure.message);
    } finally {
      setBusy(false);
    }
  };
  return html`<div class="center"><main id="main" class="card" tabindex="-1"><h1 class="brand"><${Logo}/>LLMRing</h1>
    ${wanted && html`<p>This page belongs to the project <b>${wanted}</b>. Sign in with its key to see it.</p>`}
    <form onSubmit=${submit}>
      <label>API key<input ref=${field} name="key" type="password" autocomplete="current-password" required maxlength="255" aria-describedby="about-key" aria-invalid=${error ? 'true' : null}/></label>
      <label>Name of the project <span class="vh">(optional)</span><input name="label" autocomplete="off" maxlength="60" placeholder=${wanted ?? 'optional, e.g. shop'}/></label>
      ${error && html`<p class="bad" role="alert">${error}</p>`}
      <p id="about-key" class="note">The key goes to this server once and is not kept in the browser. You stay signed in until you have been away for 12 hours.</p>
      ${location.protocol === 'http:' && !isLocal && html`<p class="bad">The connection is not encrypted: others on the network can read the key.</p>`}
      <button class="primary" disabled=${busy}>Sign in</button>
      ${other && html`<button type="button" onClick=${() => go(`/dashboard/s/${encodeURIComponent(other.slot)}`)}>Back to ${other.label}</button>`}
    </form></main></div>`;
}
