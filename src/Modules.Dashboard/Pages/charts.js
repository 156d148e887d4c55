import { html, useEffect, useRef, useState } from './toolkit.js';

/** Width of an element, kept up to date: charts are drawn in CSS pixels, so that text is never scaled. */
function useWidth(initial = 640) {
  const ref = useRef(null), [width, set] = useState(initial);
  useEffect(() => {
    const seen = new ResizeObserver(([entry]) => set(Math.max(160, Math.round(entry.contentRect.width))));
    seen.observe(ref.current);
    return () => seen.disconnect();
  }, []);
  return [ref, width];
}

/** Round steps for an axis from 0. */
export function ticks(max, steps = 4) {
  if (!(max > 0)) return [0, 1];
  const raw = max / steps, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(f => f * power).find(s => s >= raw * (1 - 1e-9));
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, i) => i * step);
}

/** One stop for the Tab key; arrows, Home and End go along the columns. */
const keys = (index, last, focus) => event => {
  const to = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: last }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  focus(Math.max(0, Math.min(last, to)));
};

const left = 52, bottom = 22, top = 8;

/** Axis, grid and the marks below, common to both charts. */
function Frame({ width, height, marks, y, axis }) {
  return marks.map(m => html`<g aria-hidden="true" key=${m}><line class="gridline" x1=${left} x2=${width} y1=${y(m)} y2=${y(m)}/><text x=${left - 8} y=${y(m) + 4} text-anchor="end">${axis(m)}</text></g>`);
}

/**
 * Stacked columns. series: [{name, slot, values: numbers, texts}], total: [texts], exact: [decimal texts]. Heights come from numbers,
 * every text from decimals.
 */
export function Columns({ title, labels, series, totals, axis, height = 250, onPick }) {
  const [ref, width] = useWidth(), [at, setAt] = useState(-1), groups = useRef([]);
  const n = labels.length, heights = labels.map((_, i) => series.reduce((sum, s) => sum + s.values[i], 0));
  const marks = ticks(Math.max(...heights, 0)), max = marks[marks.length - 1];
  const y = v => top + (height - top - bottom) * (1 - v / max), step = (width - left) / n, bar = Math.max(1, Math.min(34, step * .74));
  const every = Math.ceil(n / Math.max(2, Math.floor((width - left) / 62))), stop = at < 0 || at >= n ? n - 1 : at;
  return html`<div class="plot" ref=${ref} onMouseLeave=${() => setAt(-1)}>
    <svg height=${height} viewBox=${`0 0 ${width} ${height}`} role="group" aria-label=${`${title}: ${n} columns, arrow keys go along them`}>
      <${Frame} ...${{ width, height, marks, y, axis }}/>
      ${labels.map((label, i) => {
        let base = 0;
        const x = left + step * (i + .5) - bar / 2, parts = series.filter(s => s.values[i] > 0);
        return html`<g class="col" role="img" tabindex=${i === stop ? 0 : -1} key=${i} ref=${e => { groups.current[i] = e; }} data-total=${totals[i].exact}
            aria-label=${`${label}: ${totals[i].text}. ${parts.map(s => `${s.name} ${s.texts[i]}`).join(', ')}`}
            onMouseEnter=${() => setAt(i)} onFocus=${() => setAt(i)} onBlur=${() => setAt(-1)} onClick=${() => onPick?.(i)}
            onKeyDown=${e => e.key === 'Enter' ? onPick?.(i) : keys(i, n - 1, k => groups.current[k]?.focus())(e)}>
          <rect class="hit" x=${left + step * i} y=${top} width=${step} height=${height - top - bottom}/>
          ${parts.map(s => { const from = base; base += s.values[i]; return html`<rect class=${`f${s.slot} seam`} x=${x} width=${bar} y=${y(base)} height=${Math.max(.5, y(from) - y(base))}/>`; })}
          ${(n - 1 - i) % every === 0 && html`<text aria-hidden="true" x=${Math.min(left + step * (i + .5), width - 18)} y=${height - 5} text-anchor="middle">${label.split(',')[0]}</text>`}
        </g>`;
      })}
    </svg>
    ${at >= 0 && at < n && html`<${Tip} x=${left + step * (at + .5)} width=${width} title=${labels[at]} rows=${[...[...series].reverse().filter(s => s.values[at] > 0).map(s => [s.slot, s.name, s.texts[at]]), [null, 'Total', totals[at].text]]}/>`}
  </div>`;
}

/** Lines. series: [{name, slot, dash, values}]; a null value is a gap. */
export function Lines({ title, labels, series, text, height = 190 }) {
  const [ref, width] = useWidth(), [at, setAt] = useState(-1), groups = useRef([]);
  const n = labels.length, marks = ticks(Math.max(...series.flatMap(s => s.values.map(v => v ?? 0)), 0), 3), max = marks[marks.length - 1];
  const y = v => top + (height - top - bottom) * (1 - v / max), step = (width - left) / n, x = i => left + step * (i + .5);
  const every = Math.ceil(n / Math.max(2, Math.floor((width - left) / 62))), stop = at < 0 || at >= n ? n - 1 : at;
  const path = values => values.map((v, i) => v == null ? '' : `${i && values[i - 1] != null ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join('');
  return html`<div class="plot" ref=${ref} onMouseLeave=${() => setAt(-1)}>
    <svg height=${height} viewBox=${`0 0 ${width} ${height}`} role="group" aria-label=${`${title}: ${n} points, arrow keys go along them`}>
      <${Frame} ...${{ width, height, marks, y, axis: text }}/>
      ${series.map(s => html`<path aria-hidden="true" class=${`k${s.slot}`} d=${path(s.values)} fill="none" stroke-width="2" stroke-linejoin="round" stroke-dasharray=${s.dash}/>`)}
      ${series.map(s => s.values.map((v, i) => v != null && isAlone(s.values, i) && html`<circle aria-hidden="true" class=${`f${s.slot}`} cx=${x(i)} cy=${y(v)} r="2.5"/>`))}
      ${labels.map((label, i) => html`<g class="col" role="img" tabindex=${i === stop ? 0 : -1} key=${i} ref=${e => { groups.current[i] = e; }}
          aria-label=${`${label}: ${series.map(s => `${s.name} ${s.values[i] == null ? 'none' : text(s.values[i])}`).join(', ')}`}
          onMouseEnter=${() => setAt(i)} onFocus=${() => setAt(i)} onBlur=${() => setAt(-1)} onKeyDown=${keys(i, n - 1, k => groups.current[k]?.focus())}>
        <rect class="hit" x=${left + step * i} y=${top} width=${step} height=${height - top - bottom}/>
        ${at === i && series.map(s => s.values[i] != null && html`<circle class=${`f${s.slot}`} cx=${x(i)} cy=${y(s.values[i])} r="4"/>`)}
        ${(n - 1 - i) % every === 0 && html`<text aria-hidden="true" x=${Math.min(x(i), width - 18)} y=${height - 5} text-anchor="middle">${label.split(',')[0]}</text>`}
      </g>`)}
    </svg>
    ${at >= 0 && at < n && html`<${Tip} x=${x(at)} width=${width} title=${labels[at]} rows=${series.map(s => [s.slot, s.name, s.values[at] == null ? '–' : text(s.values[at])])}/>`}
  </div>`;
}

// A point between two gaps has no line.
const isAlone = (values, i) => values[i - 1] == null && values[i + 1] == null;

function Tip({ x, width, title, rows }) {
  const place = x > width / 2 ? { right: `${width - x + 14}px` } : { left: `${x + 14}px` };
  return html`<div class="tip" style=${place} aria-hidden="true"><b>${title}</b><table><tbody>${rows.map(([slot, name, value]) => html`<tr><td>${slot != null && html`<i class=${`sw f${slot}`}></i>`} ${name}</td><td>${value}</td></tr>`)}</tbody></table></div>`;
}

export function Spark({ values, slot = 1 }) {
  const w = 92, h = 30, max = Math.max(...values) || 1;
  if (values.length < 2) return null;
  const d = values.map((v, i) => `${i ? 'L' : 'M'}${(i / (values.length - 1) * w).toFixed(1)} ${(h - 2 - v / max * (h - 4)).toFixed(1)}`).join('');
  return html`<svg class="spark" width=${w} height=${h} viewBox="0 0 92 30" preserveAspectRatio="none" aria-hidden="true"><path class=${`k${slot}`} d=${d} fill="none" stroke-width="1.75"/></svg>`;
}
