/** The curves of a report, thinned to what a screen can show. */
import type { RunRecord, TrainingRecord } from '@densessm/train';
import type { ReportRun } from './run';
import { smooth, smoothingRadius } from './smooth';

/** Most points of a curve: two for each pixel of its width, or so. */
export const MAX_POINTS = 2000;

/** A number that JSON can hold; null leaves a gap. */
export type Point = number | null;

/** Where the points of some curves lie: in steps, in tokens read, in minutes of training. All three grow. */
export interface Axis {
  readonly steps: number[];
  readonly tokens: number[];
  readonly minutes: number[];
}

/** Curves of one run with the same points. */
export interface TrainingCurves {
  readonly axis: Axis;
  readonly loss: Point[];
  /** Lowest and highest value of the steps that a point stands for. */
  readonly lossLow: Point[];
  readonly lossHigh: Point[];
  readonly learningRate: Point[];
  readonly gradNorm: Point[];
  readonly gradNormLow: Point[];
  readonly gradNormHigh: Point[];
  readonly tokensPerSecond: Point[];
  /** Skipped steps up to a point. */
  readonly skipped: Point[];
  /** Steps that a point stands for. */
  readonly stepsPerPoint: number;
  /** Steps on either side that the smoothed curves take in. */
  readonly radius: number;
}

/** Smoothed over all steps, then thinned: each point stands for as many steps, and lies where the last of them does. */
export function trainingCurves(steps: readonly TrainingRecord[]): TrainingCurves {
  const stepsPerPoint = Math.max(1, Math.ceil(steps.length / MAX_POINTS));
  const radius = smoothingRadius(steps.length);
  const groups = Array.from({ length: Math.ceil(steps.length / stepsPerPoint) }, (_, i) =>
    steps.slice(i * stepsPerPoint, (i + 1) * stepsPerPoint),
  );
  const ends = groups.map((group, i) => i * stepsPerPoint + group.length - 1);
  const everyLast = (values: readonly number[]): Point[] => ends.map((end) => point(values[end] ?? Number.NaN));
  const smoothed = (key: 'loss' | 'gradNorm'): Point[] => smooth(of(key), radius, ends).map(point);
  const of = (key: keyof TrainingRecord): number[] => steps.map((step) => Number(step[key]));
  const lows = (key: 'loss' | 'gradNorm') => groups.map((group) => point(finite(group, key).reduce((a, b) => Math.min(a, b), Infinity)));
  const highs = (key: 'loss' | 'gradNorm') => groups.map((group) => point(finite(group, key).reduce((a, b) => Math.max(a, b), -Infinity)));
  const speeds = groups.map((group) => sum(group.map(({ tokens }) => tokens)) / sum(group.map(({ seconds }) => seconds)));
  return {
    axis: thinnedAxis(steps, ends),
    loss: smoothed('loss'),
    lossLow: lows('loss'),
    lossHigh: highs('loss'),
    learningRate: everyLast(of('learningRate')),
    gradNorm: smoothed('gradNorm'),
    gradNormLow: lows('gradNorm'),
    gradNormHigh: highs('gradNorm'),
    tokensPerSecond: smooth(speeds, smoothingRadius(speeds.length)).map(point),
    skipped: everyLast(runningTotal(of('skipped'))),
    stepsPerPoint,
    radius,
  };
}

/** Where records other than steps lie: `step` updates lie behind each, and the tokens and minutes that these took. */
export function axisOf(records: readonly Pick<RunRecord, 'step'>[], { steps }: Pick<ReportRun, 'steps'>): Axis {
  const [tokens, seconds] = [runningTotal(steps.map((one) => one.tokens)), runningTotal(steps.map((one) => one.seconds))];
  const before = records.map(({ step }) => countBelow(steps, step));
  return {
    steps: records.map(({ step }) => step),
    tokens: before.map((count) => tokens[count - 1] ?? 0),
    minutes: before.map((count) => short((seconds[count - 1] ?? 0) / 60)),
  };
}

function thinnedAxis(steps: readonly TrainingRecord[], last: readonly number[]): Axis {
  const [tokens, seconds] = [runningTotal(steps.map((one) => one.tokens)), runningTotal(steps.map((one) => one.seconds))];
  return {
    steps: last.map((i) => (steps[i] as TrainingRecord).step),
    tokens: last.map((i) => tokens[i] as number),
    minutes: last.map((i) => short((seconds[i] as number) / 60)),
  };
}

/** How many of the sorted steps are below `step`. */
function countBelow(steps: readonly TrainingRecord[], step: number): number {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as TrainingRecord).step < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

const finite = (group: readonly TrainingRecord[], key: 'loss' | 'gradNorm'): number[] =>
  group.map((one) => one[key]).filter(Number.isFinite);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function runningTotal(values: readonly number[]): number[] {
  let total = 0;
  return values.map((value) => {
    total += value;
    return total;
  });
}

/** Six digits: more than a pixel can tell, and half the bytes. */
const short = (value: number): number => Number(value.toPrecision(6));

export const point = (value: number): Point => (Number.isFinite(value) ? short(value) : null);
