import { expect, it } from 'vitest';
import record from '../../fixtures/optimizers.json';
import { type ScheduleName, type ScheduleOptions, scheduleByName } from './by-name';
import { cosineSchedule, linearSchedule, polynomialSchedule, warmupStableDecaySchedule } from './schedules';

interface Extra {
  min_lr?: number;
  min_lr_ratio?: number;
  lr_end?: number;
  power?: number;
  num_decay_steps?: number;
  decay_type?: ScheduleOptions['decayCurve'];
  warmup_type?: ScheduleOptions['warmupCurve'];
}

const cases = record.schedules.map((one) => ({ ...one, extra: one.extra as Extra, title: `${one.name} ${JSON.stringify(one.extra)}` }));

it.each(cases)('gives the rates of transformers: $title', ({ name, lr, warmup, steps, extra, rates }) => {
  const schedule = scheduleByName((name === 'cosine_with_min_lr' ? 'cosine' : name) as ScheduleName, {
    learningRate: lr,
    warmupSteps: warmup,
    maxSteps: steps,
    minLearningRate: extra.min_lr ?? extra.lr_end ?? (extra.min_lr_ratio === undefined ? undefined : extra.min_lr_ratio * lr),
    power: extra.power,
    decaySteps: extra.num_decay_steps,
    decayCurve: extra.decay_type,
    warmupCurve: extra.warmup_type,
  });
  // the same operations in float64, in another order where a rate is given in place of a ratio
  for (const [step, rate] of rates.entries()) expect(Math.abs(schedule(step) - rate), `step ${step}`).toBeLessThanOrEqual(1e-15 * lr);
});

it('stays at the minimum after the last step', () => {
  const options = { learningRate: 1e-3, maxSteps: 10, minLearningRate: 1e-4 };
  for (const make of [linearSchedule, polynomialSchedule, warmupStableDecaySchedule]) expect(make(options)(25)).toBeCloseTo(1e-4, 12);
});

it('gives a fall of a tenth of all steps where none is given', () => {
  const schedule = warmupStableDecaySchedule({ learningRate: 1, maxSteps: 30, warmupSteps: 2 });
  expect([schedule(26), schedule(27), schedule(28) < 1]).toEqual([1, 1, true]);
});

it.each([
  ['learningRate', { learningRate: 0, maxSteps: 5 }],
  ['maxSteps', { learningRate: 1, maxSteps: 0 }],
  ['warmupSteps', { learningRate: 1, maxSteps: 5, warmupSteps: 6 }],
  ['minLearningRate', { learningRate: 1, maxSteps: 5, minLearningRate: 2 }],
  ['warmupSteps', { learningRate: 1, maxSteps: 5, warmupSteps: 1.5 }],
])('refuses a bad %s', (name, options) => {
  expect(() => cosineSchedule(options)).toThrow(new RegExp(`cosineSchedule: \`${name}\` cannot be used`));
});

it('refuses a name that it does not know, and says which it does', () => {
  expect(() => scheduleByName('cosin' as ScheduleName, { learningRate: 1, maxSteps: 5 })).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: scheduleByName: \`name\` cannot be used.
      expected  constant, constant_with_warmup, linear, cosine, polynomial, wsd, warmup_stable_decay
      got       cosin
      fix       correct the option]
  `);
});
