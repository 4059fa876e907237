import type { Chart, Curve } from './charts';
import { type Html, html } from './html';
import { NOTHING, short } from './numbers';

/** A chart's place on the page: its title, what it shows in words, and room for the script to draw into. */
export const figure = (chart: Chart, wide = false): Html => html`<figure class="${wide ? 'chart wide' : 'chart'}">
<figcaption><h3 id="${chart.id}-title">${chart.title}</h3>${chart.unit ? html` <span class="unit">${chart.unit}</span>` : undefined}<p>${chart.note}${cutOff(chart)}</p></figcaption>
<div class="plot" data-chart="${chart.id}" tabindex="0" role="img" aria-labeledby="${chart.id}-title" aria-describedby="${chart.id}-words"></div>
<ul class="legend" data-legend="${chart.id}" aria-live="polite"></ul>
<p class="words" id="${chart.id}-words">${chart.curves.map(inWords)} Arrow keys move along the curve.</p>
</figure>
`;

const cutOff = ({ cap, unit }: Chart): string =>
  cap === undefined ? '' : ` Values above ${short(cap)} ${unit}`.trimEnd().concat(' are cut off.');

/** A curve for those who cannot see it. */
function inWords({ label, values }: Curve): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `${label}: nothing measured. `;
  const [first, last] = [known[0] ?? Number.NaN, known.at(-1) ?? Number.NaN];
  const least = known.reduce((a, b) => Math.min(a, b));
  const most = known.reduce((a, b) => Math.max(a, b));
  return `${label}: from ${short(first)} to ${short(last)}, lowest ${short(least)}, highest ${short(most)}. `;
}

/** Some rows of numbers for every curve of a chart, by step. */
export function numbersTable(chart: Chart, stepsOf: (axis: number) => readonly number[], rows = 12): Html {
  const all = [...new Set(chart.curves.flatMap(({ axis }) => stepsOf(axis)))].sort((a, b) => a - b);
  const picked = [
    ...new Set(
      Array.from({ length: Math.min(rows, all.length) }, (_, i) => all[Math.round((i * (all.length - 1)) / Math.max(1, rows - 1))]),
    ),
  ];
  const at = ({ axis, values }: Curve, step: number): string => {
    const index = stepsOf(axis).findLastIndex((one) => one <= step);
    return short(values[index] ?? undefined) ?? NOTHING;
  };
  const row = (step: number): Html =>
    html`<tr><th scope="row">${step.toLocaleString('en')}</th>${chart.curves.map((curve) => html`<td>${at(curve, step)}</td>`)}</tr>\n`;
  return html`<details><summary>Numbers</summary><div class="scroll" tabindex="0" role="region" aria-label="Numbers"><table class="stack">
<thead><tr><th scope="col">Step</th>${chart.curves.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>
${picked.map((step) => (step === undefined ? undefined : row(step)))}</tbody></table></div></details>`;
}
