/**
 * Learning rates by step, to the last digit those of transformers' get_scheduler (optimization.py): step 0 is the first, and with
 * warm-up its rate is 0. After `maxSteps` the rate stays where the schedule ended, save for the cosine, which rises again there too.
 */
import { badOption, checkNumbers } from '../options';

/** The learning rate of a step, counted from 0. */
export type Schedule = (step: number) => number;

export interface WarmupOptions {
  /** The peak. */
  learningRate: number;
  /** Steps in which the rate rises from 0 to the peak; 0 unless given. */
  warmupSteps?: number;
}

export interface DecayOptions extends WarmupOptions {
  /** All steps, warm-up included. */
  maxSteps: number;
  /** What the rate falls to; 0 unless given. */
  minLearningRate?: number;
}

export interface PolynomialOptions extends DecayOptions {
  /** 1e-7 unless given. */
  minLearningRate?: number;
  /** 1 unless given: a straight line. */
  power?: number;
}

/** How a rate moves from one end to the other. */
export type Curve = 'linear' | 'cosine' | '1-sqrt';

export interface WarmupStableDecayOptions extends DecayOptions {
  /** Steps at the end in which the rate falls; a tenth of `maxSteps` unless given. */
  decaySteps?: number;
  /** 'linear' unless given. */
  warmupCurve?: Curve;
  /** 'cosine' unless given. */
  decayCurve?: Curve;
}

/** The peak from the end of the warm-up on. `constant_with_warmup`; `constant` without warm-up. @throws SsmError OPTION */
export function constantSchedule({ learningRate, warmupSteps = 0 }: WarmupOptions): Schedule {
  check('constantSchedule', { learningRate, warmupSteps, maxSteps: warmupSteps + 1, minLearningRate: 0 });
  return afterWarmup(learningRate, warmupSteps, () => 1);
}

/** A straight line down. @throws SsmError OPTION */
export function linearSchedule({ learningRate, warmupSteps = 0, maxSteps, minLearningRate = 0 }: DecayOptions): Schedule {
  check('linearSchedule', { learningRate, warmupSteps, maxSteps, minLearningRate });
  const floor = minLearningRate / learningRate;
  return afterWarmup(
    learningRate,
    warmupSteps,
    (step) => Math.max(0, (maxSteps - step) / Math.max(1, maxSteps - warmupSteps)) * (1 - floor) + floor,
  );
}

/** Half a cosine down, in `maxSteps`. `cosine`; `cosine_with_min_lr` with a minimum. @throws SsmError OPTION */
export function cosineSchedule({ learningRate, warmupSteps = 0, maxSteps, minLearningRate = 0 }: DecayOptions): Schedule {
  check('cosineSchedule', { learningRate, warmupSteps, maxSteps, minLearningRate });
  const floor = minLearningRate / learningRate;
  return afterWarmup(learningRate, warmupSteps, (step) => {
    const progress = (step - warmupSteps) / Math.max(1, maxSteps - warmupSteps);
    return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)) * (1 - floor) + floor);
  });
}

/** A power of what remains. `polynomial`. @throws SsmError OPTION */
export function polynomialSchedule(options: PolynomialOptions): Schedule {
  const { learningRate, warmupSteps = 0, maxSteps, minLearningRate = 1e-7, power = 1 } = options;
  check('polynomialSchedule', { learningRate, warmupSteps, maxSteps, minLearningRate });
  checkNumbers('polynomialSchedule', { power }, { power: { min: 0, above: true } });
  return afterWarmup(learningRate, warmupSteps, (step) => {
    if (step > maxSteps) return minLearningRate / learningRate;
    const remaining = 1 - (step - warmupSteps) / Math.max(1, maxSteps - warmupSteps);
    return ((learningRate - minLearningRate) * remaining ** power + minLearningRate) / learningRate;
  });
}

/** Up, level, down. `warmup_stable_decay`, whose warm-up rises from the minimum. @throws SsmError OPTION */
export function warmupStableDecaySchedule(options: WarmupStableDecayOptions): Schedule {
  const { learningRate, warmupSteps = 0, maxSteps, minLearningRate = 0, warmupCurve = 'linear', decayCurve = 'cosine' } = options;
  const { decaySteps = Math.min(Math.ceil(maxSteps / 10), maxSteps - warmupSteps) } = options;
  const where = 'warmupStableDecaySchedule';
  check(where, { learningRate, warmupSteps, maxSteps, minLearningRate });
  checkNumbers(where, { decaySteps }, { decaySteps: { min: 0, max: maxSteps - warmupSteps, whole: true } });
  const [rise, fall] = [curveOf(where, 'warmupCurve', warmupCurve), curveOf(where, 'decayCurve', decayCurve)];
  const floor = minLearningRate / learningRate;
  const decayFrom = maxSteps - decaySteps;
  const between = (factor: number): number => Math.max(0, factor * (1 - floor) + floor);
  return (step) => {
    if (step < warmupSteps) return learningRate * between(rise.up(step / Math.max(1, warmupSteps)));
    if (step < decayFrom) return learningRate;
    return learningRate * (step < maxSteps ? between(fall.down((step - decayFrom) / Math.max(1, decaySteps))) : floor);
  };
}

const afterWarmup =
  (learningRate: number, warmupSteps: number, factor: (step: number) => number): Schedule =>
  (step) =>
    learningRate * (step < warmupSteps ? step / Math.max(1, warmupSteps) : factor(step));

/** Each curve as transformers writes it, since 1 − down(1 − x) is not the same in the last digit. */
const CURVES: Readonly<Record<Curve, { up: (progress: number) => number; down: (progress: number) => number }>> = {
  linear: { up: (x) => x, down: (x) => 1 - x },
  cosine: { up: (x) => 0.5 * (1 - Math.cos(Math.PI * x)), down: (x) => 0.5 * (1 + Math.cos(Math.PI * x)) },
  '1-sqrt': { up: (x) => 1 - Math.sqrt(1 - x), down: (x) => 1 - Math.sqrt(x) },
};

function curveOf(where: string, name: string, curve: Curve) {
  if (Object.hasOwn(CURVES, curve)) return CURVES[curve];
  throw badOption(where, name, Object.keys(CURVES).join(', '), String(curve));
}

function check(where: string, options: Required<DecayOptions>): void {
  checkNumbers(where, options, {
    learningRate: { min: 0, above: true },
    maxSteps: { min: 1, whole: true },
    warmupSteps: { min: 0, max: options.maxSteps, whole: true },
    minLearningRate: { min: 0, max: options.learningRate },
  });
}
