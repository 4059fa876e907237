/** A run in a few lines of a terminal. */

import type { ReportRun } from './data/run';
import { smooth, smoothingRadius } from './data/smooth';
import { summarize } from './data/summary';
import { count, loss } from './page/numbers';

const LEVELS = '▁▂▃▄▅▆▇█';
/** Widest curve, and columns that the words beside it take. */
const [WIDEST, BESIDE] = [48, 44];

/** Values as a row of bars from the lowest to the highest; a gap where none is finite. As wide as there are values, and not wider than `width`. */
export function sparkline(values: readonly number[], width: number): string {
  const columns = Math.min(width, values.length);
  const means = Array.from({ length: columns }, (_, i) => {
    const from = Math.floor((i * values.length) / columns);
    const part = values.slice(from, Math.floor(((i + 1) * values.length) / columns)).filter(Number.isFinite);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const known = means.filter(Number.isFinite);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const level = (value: number): number => (most > least ? Math.round(((value - least) / (most - least)) * (LEVELS.length - 1)) : 0);
  return means.map((value) => (Number.isFinite(value) ? LEVELS[level(value)] : ' ')).join('');
}

/** The curves of training and held-out loss with their first and last values, and what was read how fast; nothing before the first step. */
export function terminalSummary(run: ReportRun, columns = 80): string[] {
  if (run.steps.length === 0) return [];
  const width = Math.max(8, Math.min(WIDEST, columns - BESIDE));
  const { best, tokens, tokensPerSecond, skipped } = summarize(run);
  const losses = run.steps.map((step) => step.loss).filter(Number.isFinite);
  const heldOut = run.evaluations.map((one) => one.loss);
  const lowest = best ? `held out, lowest ${loss(best.loss)} at step ${count(best.step)}` : 'held out';
  return [
    ...curve('loss', smooth(losses, smoothingRadius(losses.length)), width, 'training'),
    ...curve(losses.length > 0 ? '' : 'loss', heldOut, width, lowest),
    `speed    ${count(tokensPerSecond)} tokens/s, ${count(tokens)} tokens read${skipped > 0 ? `, ${count(skipped)} skipped` : ''}`,
  ];
}

function curve(label: string, values: readonly number[], width: number, what: string): string[] {
  if (values.length === 0) return [];
  const [first, last] = [loss(values[0]), loss(values.at(-1))];
  return [`${label.padEnd(9)}${first.padStart(6)} ${sparkline(values, width)} ${last}  ${what}`];
}
