/** What the script of the page draws: one spec for each chart. */
import type { GateRecord, GateStatistics } from '@densessm/train';
import { warmupSteps } from '../../settings/resolve';
import { colorsOf } from '../data/compare';
import { type Axis, axisOf, type Point, point, type TrainingCurves, trainingCurves } from '../data/curves';
import type { ReportRun } from '../data/run';
import { differenceChart } from './difference';

export interface Curve {
  readonly label: string;
  /** Index into the axes of the page. */
  readonly axis: number;
  readonly values: readonly Point[];
  /** Drawn faintly behind. */
  readonly low?: readonly Point[];
  readonly high?: readonly Point[];
  /** Measured now and then: shown with points. */
  readonly sparse?: boolean;
  readonly dashed?: boolean;
  /** A color of the palette, or a place between 0 and 1 on a scale of hues. */
  readonly color:
    | { readonly run: number /** 0 for the run's own color, 1 for the faintest. */; readonly shade?: number }
    | { readonly hue: number };
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** One sentence: what, in which unit, how it was smoothed. */
  readonly note: string;
  readonly unit: string;
  readonly curves: readonly Curve[];
  /** Values above are cut off, so that one spike does not flatten the rest. */
  readonly cap?: number;
  /** Draws a line at zero. */
  readonly zero?: boolean;
}

/** The charts of a page and the axes that they share. */
export interface Drawing {
  readonly axes: readonly Axis[];
  readonly training: readonly Chart[];
  /** Of all runs that have gates. */
  readonly gates: readonly Chart[];
  /** Where the warm-up of the last run ends: the charts begin there unless asked. */
  readonly start: { readonly steps: number; readonly tokens: number; readonly minutes: number };
  /** The most steps that one point stands for. */
  readonly stepsPerPoint: number;
}

export function drawingOf(runs: readonly ReportRun[]): Drawing {
  const axes: Axis[] = [];
  const add = (axis: Axis): number => axes.push(axis) - 1;
  const colors = colorsOf(runs);
  const curves = runs.map(({ steps }) => trainingCurves(steps));
  const parts = curves.map((one, run) => ({
    curves: one,
    axis: add(one.axis),
    run,
    color: colors[run] ?? { run },
    name: runs.length > 1 ? (runs[run]?.name ?? '') : '',
  }));
  const validation = runs.map((run) => add(axisOf(run.evaluations, run)));
  const difference = differenceChart(runs, add);
  const all = [lossChart(runs, parts, validation), ...(difference ? [difference] : []), ...smallCharts(parts)];
  const training = all.filter((chart) => chart.curves.some(hasPoints));
  const gates = gateCharts(runs, add);
  return { axes, training, gates, start: startOf(runs), stepsPerPoint: Math.max(1, ...curves.map((one) => one.stepsPerPoint)) };
}

/** The end of the warm-up, if there is enough behind it. */
function startOf(runs: readonly ReportRun[]): Drawing['start'] {
  const ends = runs.map((run) => {
    const step = run.info === undefined ? 0 : warmupSteps(run.info.settings);
    const { tokens, minutes } = axisOf([{ step }], run);
    return step < run.steps.length / 2 ? { steps: step, tokens: tokens[0] ?? 0, minutes: minutes[0] ?? 0 } : undefined;
  });
  const most = (key: keyof Drawing['start']): number => Math.max(0, ...ends.map((end) => end?.[key] ?? 0));
  return ends.every((end) => end !== undefined) ? { steps: most('steps'), tokens: most('tokens'), minutes: most('minutes') } : NO_WARMUP;
}

const NO_WARMUP = { steps: 0, tokens: 0, minutes: 0 };

interface Part {
  readonly curves: TrainingCurves;
  readonly axis: number;
  readonly run: number;
  readonly color: Curve['color'];
  /** Empty where there is only one run. */
  readonly name: string;
}

const hasPoints = ({ values }: Curve): boolean => values.some((value) => value !== null);
/** How the curves were smoothed. */
function smoothingOf(parts: readonly Part[]): string {
  const sizes = [...new Set(parts.map(({ curves }) => 2 * curves.radius + 1))].sort((a, b) => a - b);
  return sizes.at(-1) === 1
    ? 'every step as it is'
    : `smoothed over ${sizes.join(' or ')} neighboring steps, with the single steps faintly behind`;
}

function lossChart(runs: readonly ReportRun[], parts: readonly Part[], validation: readonly number[]): Chart {
  const train = parts.map(({ curves, axis, color, name }): Curve => {
    const { loss, lossLow, lossHigh } = curves;
    return { label: `${name} training`.trim(), axis, values: loss, low: lossLow, high: lossHigh, color };
  });
  const held = parts.map(({ run, color, name }): Curve => {
    const values = (runs[run]?.evaluations ?? []).map(({ loss }) => point(loss));
    return { label: `${name} validation`.trim(), axis: validation[run] ?? 0, values, sparse: true, dashed: true, color };
  });
  const note = `Cross entropy in nats per token; lower is better. Training: ${smoothingOf(parts)}.`;
  return { id: 'loss', title: 'Loss', note, unit: 'nats per token', curves: [...train, ...held], cap: capOf([...train, ...held]) };
}

function smallCharts(parts: readonly Part[]): Chart[] {
  const each = (make: (curves: TrainingCurves) => Pick<Curve, 'values' | 'low' | 'high'>): Curve[] =>
    parts.map(({ curves, axis, color, name }) => ({ label: name || 'value', axis, ...make(curves), color }));
  const norms = each((one) => ({ values: one.gradNorm, low: one.gradNormLow, high: one.gradNormHigh }));
  const skipped = each((one) => ({ values: one.skipped }));
  const speed = 'Tokens read per second of training, evaluations not counted.';
  const skips = 'Steps up to here that changed nothing, because loss or gradient was not finite.';
  return [
    {
      id: 'learning-rate',
      title: 'Learning rate',
      note: 'As the schedule sets it.',
      unit: '',
      curves: each((one) => ({ values: one.learningRate })),
    },
    {
      id: 'gradient-norm',
      title: 'Gradient norm',
      note: `Of all gradients together, before clipping; ${smoothingOf(parts)}.`,
      unit: '',
      curves: norms,
      cap: capOf(norms),
    },
    { id: 'speed', title: 'Speed', note: speed, unit: 'tokens/s', curves: each((one) => ({ values: one.tokensPerSecond })) },
    ...(parts.some(({ curves }) => curves.skipped.some((value) => value !== null && value > 0))
      ? [{ id: 'skipped', title: 'Skipped steps', note: skips, unit: '', curves: skipped }]
      : []),
  ];
}

/** Ten times as high as nineteen of twenty values reach; undefined where nothing is higher. */
function capOf(curves: readonly Curve[]): number | undefined {
  const values = curves.flatMap((curve) => curve.values.filter((value) => value !== null)).sort((a, b) => a - b);
  const [least, most] = [values[0] ?? 0, values.at(-1) ?? 0];
  const usual = values[Math.floor(0.95 * (values.length - 1))] ?? 0;
  const cap = usual + 10 * (usual - least);
  return values.length >= 20 && cap < most && cap > least ? cap : undefined;
}

const GATE_CHARTS = [
  ['mean', 'Mean', 'Zero is closed.'],
  ['std', 'Spread', 'Standard deviation over tokens and channels.'],
  ['absMax', 'Largest', 'The largest magnitude.'],
  ['nearZero', 'Near zero', 'Share of the values below 0.01 in magnitude.'],
] as const satisfies readonly (readonly [keyof GateStatistics, string, string])[];

export const gateLabel = ({ layer, name }: Pick<GateStatistics, 'layer' | 'name'>): string => `layer ${layer} ${name}`;

/** A hue for each gate, from the first layer to the last. */
export const gateHue = (index: number, count: number): number => (count > 1 ? index / (count - 1) : 0.5);

/** One chart for each statistic, with the gates of every run: by hue where there is one run, else in shades of the run's color. */
function gateCharts(runs: readonly ReportRun[], add: (axis: Axis) => number): Chart[] {
  const measured = runs.flatMap((run, index) => (run.gates.length > 0 ? [{ run, index, axis: add(axisOf(run.gates, run)) }] : []));
  if (measured.length === 0) return [];
  const colors = colorsOf(runs);
  return GATE_CHARTS.map(([key, title, note]) => ({
    ...{ id: `gates-${key}`, title, note, unit: '' },
    curves: measured.flatMap(({ run, index, axis }) =>
      gateCurves(run.gates, key).map((curve, i, all): Curve => {
        const shade = all.length > 1 ? 1 - i / (all.length - 1) : 0;
        const color = runs.length === 1 ? { hue: gateHue(i, all.length) } : { run: colors[index]?.run ?? index, shade };
        return { ...curve, label: runs.length === 1 ? curve.label : `${run.name} ${curve.label}`, axis, sparse: true, color };
      }),
    ),
  }));
}

function gateCurves(records: readonly GateRecord[], key: (typeof GATE_CHARTS)[number][0]): { label: string; values: Point[] }[] {
  const labels = [...new Set(records.flatMap(({ gates }) => gates.map(gateLabel)))];
  const found = records.map(({ gates }) => new Map(gates.map((gate) => [gateLabel(gate), gate])));
  return labels.map((label) => ({ label, values: found.map((gates) => point(gates.get(label)?.[key] ?? Number.NaN)) }));
}
