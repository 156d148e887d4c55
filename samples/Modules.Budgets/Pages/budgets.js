/** The page of the budgets. The dashboard calls it on entry and aborts the signal when the page is left. */
export default async function budgets({ element, api, html, render, format, parts, url, signal }) {
  const { money, decimal, share, approximate } = format;
  const STATUS = { warning: 'near', exceeded: 'over' };
  const draw = async () => {
    try {
      const list = await api('/api/v1/budgets');
      render(html`<${parts.Card} id="budgets" title=${list.length ? `Budgets of ${list[0].month} (UTC)` : 'Budgets'}>
        ${list.length === 0 ? html`<p class="empty">No budget yet. Set one with PUT /api/v1/budgets.</p>` : html`<table class="t"><thead><tr><th scope="col">Budget</th><th scope="col" class="num">Spent</th><th scope="col" class="num">Limit</th><th scope="col" class="num">Share</th></tr></thead>
        <tbody>${list.map(b => html`<tr key=${b.id}><td class="name"><a href=${url('usage')}>${b.alias ?? 'All usage'}</a> ${STATUS[b.status] && html`<span class="tag w">${STATUS[b.status]}</span>`}
          <span class="bar"><span style=${{ width: `${Math.min(100, approximate(decimal(b.spent)) / approximate(decimal(b.limit)) * 100 || 0)}%` }}></span></span></td>
          <td class="num" title=${String(b.spent)}>${money(b.spent)}</td><td class="num" title=${String(b.limit)}>${money(b.limit)}</td><td class="num dim">${share(approximate(decimal(b.spent)), approximate(decimal(b.limit)))}</td></tr>`)}</tbody></table>`}<//>`, element);
    } catch (error) {
      if (!signal.aborted) render(html`<p class="bad" role="alert">${error.message}</p>`, element);
    }
  };
  await draw();
  const timer = setInterval(() => document.hidden || draw(), 30_000);
  signal.addEventListener('abort', () => clearInterval(timer));
}
