/** Which is better, and by how much: the difference to the first run, in words and as a curve. */
import { colorsOf, type DifferencePoint, differenceOf, groupsOf, type RunGroup } from '../data/compare';
import { type Axis, axisOf, point } from '../data/curves';
import type { ReportRun } from '../data/run';
import type { Chart, Curve } from './charts';
import { type Html, html } from './html';
import { count, percent } from './numbers';

interface Compared {
  readonly group: RunGroup;
  readonly base: RunGroup;
  readonly points: readonly DifferencePoint[];
}

function comparisons(runs: readonly ReportRun[]): Compared[] {
  const [base, ...others] = groupsOf(runs);
  if (base === undefined) return [];
  return others.map((group) => ({ group, base, points: differenceOf(runs, group, base) })).filter(({ points }) => points.length > 0);
}

/** Undefined where there is nothing to compare. */
export function differenceChart(runs: readonly ReportRun[], add: (axis: Axis) => number): Chart | undefined {
  const compared = comparisons(runs);
  const [first] = compared;
  if (first === undefined) return undefined;
  const colors = colorsOf(runs);
  const curves = compared.map(({ group, points }): Curve => {
    const run = group.runs[0] ?? 0;
    const edge = (sign: number) => points.map(({ mean, spread }) => (spread === undefined ? null : point(mean + sign * spread)));
    const band = points.some(({ spread }) => spread !== undefined) ? { low: edge(-1), high: edge(1) } : {};
    const axis = add(axisOf(points, runs[run] as ReportRun));
    return {
      label: group.label,
      axis,
      values: points.map(({ mean }) => point(mean)),
      ...band,
      sparse: true,
      color: { run: colors[run]?.run ?? run },
    };
  });
  const band = curves.some(({ low }) => low) ? ' The band is one standard deviation over seeds.' : '';
  return {
    ...{ id: 'difference', title: `Difference to ${first.base.label}`, unit: 'nats per token', zero: true, curves },
    note: `Validation loss minus that of ${first.base.label} at the same step; below zero is better.${band}`,
  };
}

/** A sentence for each group of runs, the best first. */
export function verdicts(runs: readonly ReportRun[]): Html | undefined {
  const last = comparisons(runs).map((one) => ({ ...one, at: one.points.at(-1) as DifferencePoint }));
  if (last.length === 0) return undefined;
  const isSingle = last.every(({ at }) => at.spread === undefined);
  return html`<ul class="verdicts">${last.sort((a, b) => a.at.mean - b.at.mean).map(verdict)}</ul>
${isSingle ? html`<p class="lead">One seed each: how much of a difference is chance, runs with other values of <code>--seed</code> tell.</p>` : undefined}`;
}

function verdict({ group, base, at }: Compared & { at: DifferencePoint }): Html {
  const { mean, spread, step, paired } = at;
  const digits = spread !== undefined && spread < 0.001 ? 5 : 3;
  const size = `${Math.abs(mean).toFixed(digits)}${spread === undefined ? '' : ` ± ${spread.toFixed(digits)}`}`;
  const perplexity = percent(Math.abs(Math.expm1(mean)));
  const seeds = paired > 1 ? `, over ${paired} seeds` : '';
  const way = mean < 0 ? 'lower' : 'higher';
  const chance = spread !== undefined && Math.abs(mean) < spread ? ' That is less than the seeds differ by.' : '';
  return html`<li><strong>${group.label}</strong> has a validation loss <strong>${size}</strong> nats per token ${way} than <strong>${base.label}</strong> at step ${count(step)}${seeds}: a perplexity ${perplexity} ${way}.${chance}</li>\n`;
}
