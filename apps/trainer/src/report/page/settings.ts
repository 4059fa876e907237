/** What a sweep found: settings by their mean loss, and pictures of the loss over each of them. */

import type { ReportRun } from '../data/run';
import { type ParameterChart, parameterCharts, type SettingResult, type SettingsTable, settingsTable } from '../data/settings';
import { type Html, html } from './html';
import { count, loss, NOTHING } from './numbers';

export function settingsSection(runs: readonly ReportRun[]): Html | undefined {
  const table = settingsTable(runs);
  if (table === undefined) return undefined;
  const unfinished = table.rows.reduce((sum, row) => sum + row.runs - row.results.length, 0);
  const left =
    unfinished > 0
      ? ` ${count(unfinished)} of ${count(runs.length)} runs are not counted, since they have not finished with a finite loss.`
      : '';
  return html`<section aria-labeledby="settings"><h2 id="settings">Settings</h2>
<p class="lead">Lowest validation loss of each run, in nats per token: the mean over seeds and its standard deviation.${left}</p>
${settingsRows(table)}
<div class="grid">${parameterCharts(table).map(picture)}</div></section>`;
}

function settingsRows({ columns, rows }: SettingsTable): Html {
  const row = ({ values, runs: all, results, mean, spread }: SettingResult, i: number): Html => {
    const [best] = results;
    const told = mean === undefined ? NOTHING : `${loss(mean)}${spread === undefined ? '' : ` ± ${loss(spread)}`}`;
    const detail = best && html`<small>${best.seed === undefined ? '' : `seed ${best.seed}, `}step ${count(best.step)}</small>`;
    return html`<tr><th scope="row">${values[0]}</th>${values.slice(1).map((value) => html`<td>${value}</td>`)}<td>${i === 0 && mean !== undefined ? html`<strong>${told}</strong>` : told}</td><td>${loss(best?.loss)}${detail}</td><td>${results.length === all ? count(all) : `${results.length} of ${all}`}</td></tr>\n`;
  };
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Settings"><table class="figures stack">
<thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">Mean<small>over seeds</small></th><th scope="col">Best run</th><th scope="col">Runs</th></tr></thead>
<tbody>
${rows.map(row)}</tbody></table></div>`;
}

/** Size of a picture in its own units, and the room around its lines. */
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [480, 260, 52, 24, 12, 40];
const X = (at: number): number => Math.round(10 * (LEFT + 12 + at * (WIDTH - LEFT - RIGHT - 24))) / 10;

function picture(chart: ParameterChart): Html {
  const losses = chart.lines.flatMap(({ points }) => points.flatMap((point) => [...point.losses, point.mean]));
  const ticks = ticksOf(Math.min(...losses), Math.max(...losses));
  const [least, most] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  const y = (value: number): number => Math.round(10 * (TOP + ((most - value) / (most - least)) * (HEIGHT - TOP - BOTTOM))) / 10;
  const digits = Math.max(2, Math.ceil(-Math.log10((most - least) / (ticks.length - 1)) - 1e-9));
  const lines = chart.lines.map(({ points }, i) => {
    const spots = points.flatMap(({ at, losses }) => losses.map((value) => html`<circle cx="${X(at)}" cy="${y(value)}" r="3"/>`));
    const path = points.map(({ at, mean }) => `${X(at)},${y(mean)}`).join(' ');
    return html`<g class="run-${i % 6}">${points.length > 1 ? html`<polyline points="${path}"/>` : undefined}${spots}</g>`;
  });
  const across = ticks.map(
    (tick) =>
      html`<path d="M${LEFT},${y(tick)}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${tick.toFixed(digits)}</text>`,
  );
  const below = chart.ticks.map(
    ({ label, at }) => html`<text x="${X(at)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="${anchorOf(label, at)}">${label}</text>`,
  );
  const names =
    chart.lines.length > 1
      ? html`<ul class="legend">${chart.lines.map(({ label }, i) => html`<li><span class="swatch run-${i % 6}"></span>${label}</li>`)}</ul>`
      : undefined;
  return html`<figure class="chart"><figcaption><h3>Loss over ${chart.name}</h3><p>A dot for each run, the line through the means${chart.isLog ? '; the axis is logarithmic' : ''}.</p></figcaption>
<svg class="parameter" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${inWords(chart)}">${across}${below}<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${chart.name}</text>${lines}</svg>
${names}</figure>\n`;
}

/** Long names at the ends stay within the picture. */
const anchorOf = (label: string, at: number): string => (label.length < 8 || (at > 0 && at < 1) ? 'middle' : at === 0 ? 'start' : 'end');

/** Some four round values from below the least to above the most. */
function ticksOf(least: number, most: number): number[] {
  const span = Math.max(most - least, 1e-3);
  const power = 10 ** Math.floor(Math.log10(span / 3));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= span / 3) ?? 10);
  const first = Math.floor(least / step - 0.05);
  const count = Math.ceil(most / step + 0.05) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** For those who cannot see it. */
const inWords = ({ name, ticks, lines }: ParameterChart): string =>
  lines
    .map(({ label, points }) => {
      const told = points.map(({ at, mean }) => `${ticks.find((tick) => tick.at === at)?.label}: ${loss(mean)}`).join(', ');
      return `Mean loss by ${name}${label === '' ? '' : ` with ${label}`}: ${told}.`;
    })
    .join(' ');
