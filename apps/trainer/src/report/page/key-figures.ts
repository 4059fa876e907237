import type { Differing } from '../data/compare';
import type { Summary } from '../data/summary';
import { type Html, html } from './html';
import { bits, count, duration, loss, NOTHING, perplexity } from './numbers';

interface Figure {
  readonly name: string;
  /** The same for every run. */
  readonly unit?: string;
  readonly value: (run: Summary) => string;
  /** What explains the value of one run. */
  readonly detail?: (run: Summary) => string;
}

const FIGURES: readonly Figure[] = [
  {
    ...{ name: 'Validation loss', unit: 'best, nats per token', value: ({ best }) => loss(best?.loss) },
    detail: ({ best, last }) => (best ? `at step ${count(best.step)}` : last ? 'never finite' : 'not measured yet'),
  },
  {
    name: 'Perplexity',
    unit: 'at the best',
    value: ({ best }) => perplexity(best?.loss),
    detail: ({ best }) => (best ? `${bits(best.loss)} bits per token` : ''),
  },
  { name: 'Training loss', unit: 'at the end, smoothed', value: ({ trainLoss }) => loss(trainLoss) },
  {
    ...{ name: 'Steps', value: ({ steps }) => count(steps) },
    detail: ({ plannedSteps, skipped }) =>
      [plannedSteps ? `of ${count(plannedSteps)}` : '', skipped > 0 ? `${count(skipped)} skipped` : ''].filter(Boolean).join(', '),
  },
  { name: 'Tokens', unit: 'read', value: ({ tokens }) => count(tokens) },
  { name: 'Time', unit: 'in training', value: ({ seconds }) => duration(seconds) },
  { name: 'Speed', unit: 'tokens per second', value: ({ tokensPerSecond }) => count(tokensPerSecond) },
  { name: 'Parameters', value: ({ parameters }) => count(parameters), detail: ({ model }) => model ?? '' },
];

/** Cards for one run; for several a table, sorted by loss, with a column for everything in which they differ. */
export const keyFigures = (runs: readonly Summary[], differing: readonly Differing[] = [], colors: readonly number[] = []): Html =>
  runs.length === 1 ? html`${runs.map(cards)}` : comparison(runs, differing, colors);

const cards = (run: Summary): Html => html`<dl class="cards">
${FIGURES.map(({ name, unit, value, detail }) => html`<div><dt>${name}</dt><dd><strong>${value(run)}</strong><small>${detail?.(run) ?? unit}</small></dd></div>\n`)}</dl>`;

/** Most columns of settings; the table of the configuration has all of them. */
const MOST = 5;

function comparison(runs: readonly Summary[], differing: readonly Differing[], colors: readonly number[]): Html {
  const columns = differing.slice(0, MOST);
  const first = runs[0]?.best?.loss;
  const sorted = runs.map((run, index) => ({ run, index })).sort((a, b) => lossOf(a.run) - lossOf(b.run));
  const winner = sorted[0]?.run;
  const cell = (run: Summary, { value, detail }: Figure, column: number): Html => {
    const wins = column < 2 && run.best !== undefined && run.best.loss === winner?.best?.loss;
    return html`<td>${wins ? html`<strong>${value(run)}</strong>` : value(run)}<small>${detail?.(run)}</small></td>`;
  };
  const distance = (run: Summary, index: number): string =>
    index === 0 ? 'the first' : run.best === undefined || first === undefined ? NOTHING : signed(run.best.loss - first);
  const row = ({ run, index }: { run: Summary; index: number }): Html =>
    html`<tr><th scope="row"><span class="swatch run-${(colors[index] ?? index) % 6}"></span>${run.name}</th>${columns.map(({ values }) => html`<td>${values[index]}</td>`)}${FIGURES.map((figure, i) => html`${cell(run, figure, i)}${i === 0 ? html`<td>${distance(run, index)}</td>` : undefined}`)}</tr>\n`;
  const heads = FIGURES.map(
    ({ name, unit }, i) => html`${head(name, unit)}${i === 0 ? head('Difference', 'to the first run') : undefined}`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Key figures"><table class="figures stack">
<thead><tr><th scope="col">Run</th>${columns.map(({ name }) => head(name))}${heads}</tr></thead>
<tbody>
${sorted.map(row)}</tbody></table></div>`;
}

const lossOf = ({ best }: Summary): number => best?.loss ?? Number.MAX_VALUE;
const head = (name: string, unit?: string): Html => html`<th scope="col">${name}<small>${unit}</small></th>`;
const signed = (value: number): string => (value > 0 ? `+${value.toFixed(3)}` : value.toFixed(3).replace('-', '−'));
