import type { Summary } from '../data/summary';
import { type Html, html } from './html';
import { bits, count, duration, loss, perplexity } from './numbers';

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

/** Cards for one run, a table for several. */
export const keyFigures = (runs: readonly Summary[]): Html => (runs.length === 1 ? html`${runs.map(cards)}` : comparison(runs));

const cards = (run: Summary): Html => html`<dl class="cards">
${FIGURES.map(({ name, unit, value, detail }) => html`<div><dt>${name}</dt><dd><strong>${value(run)}</strong><small>${detail?.(run) ?? unit}</small></dd></div>\n`)}</dl>`;

function comparison(runs: readonly Summary[]): Html {
  const best = Math.min(...runs.map((run) => run.best?.loss ?? Infinity));
  const cell = (run: Summary, { value, detail }: Figure, column: number): Html => {
    const wins = column < 2 && run.best?.loss === best;
    return html`<td>${wins ? html`<strong>${value(run)}</strong>` : value(run)}<small>${detail?.(run)}</small></td>`;
  };
  const row = (run: Summary, index: number): Html =>
    html`<tr><th scope="row"><span class="swatch run-${index % 6}"></span>${run.name}</th>${FIGURES.map((figure, i) => cell(run, figure, i))}</tr>\n`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Key figures"><table class="figures">
<thead><tr><th scope="col">Run</th>${FIGURES.map(({ name, unit }) => html`<th scope="col">${name}<small>${unit}</small></th>`)}</tr></thead>
<tbody>
${runs.map(row)}</tbody></table></div>`;
}
