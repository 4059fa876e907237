import { describe, expect, it } from 'vitest';
import { type LoggedEvent, TrainingLog } from './training-log';

const step = (at: number, loss: number): LoggedEvent => ({
  ...{ type: 'step', step: at, learningRate: 1 / (at + 1), tokensPerSecond: at, secondsLeft: at },
  twins: { dense: { loss, smoothed: loss + 1, gradNorm: 2 * loss, seconds: 3 * loss, skipped: false } },
});
const evaluation = (at: number): LoggedEvent => ({ type: 'evaluation', step: at, losses: { dense: at } });
const gates = (at: number): LoggedEvent => ({ type: 'gates', step: at, gates: [] });
const sample = (at: number): LoggedEvent => ({ type: 'sample', step: at, prompt: '', texts: {} });

/** A run whose loss is its step, evaluated every `every` steps. */
function* run(steps: number, every: number): Generator<LoggedEvent> {
  for (let at = 0; at < steps; at++) {
    if (at % every === 0) yield* [evaluation(at), gates(at), sample(at)];
    yield step(at, at);
  }
}
const stepsOf = ({ events }: TrainingLog) => events.flatMap((event) => (event.type === 'step' ? [event] : []));
const placesOf = ({ events }: TrainingLog, type: string) => events.flatMap((event) => (event.type === type ? [event.step] : []));

describe('the log of a run', () => {
  it('is all that a short run told of', () => {
    const events = [...run(600, 50)];
    expect(new TrainingLog(events).events).toEqual(events);
  });

  it('holds no more after 100,000 steps than after 1,000, over the whole run', () => {
    const log = new TrainingLog();
    for (const event of run(100_000, 50)) log.add(event);
    const steps = placesOf(log, 'step');
    expect(steps).toHaveLength(600);
    expect(steps.at(-1)).toBe(99_999);
    const widths = steps.map((at, i) => at - (steps[i - 1] ?? -1));
    expect(Math.max(...widths)).toBeLessThan((2 * 100_000) / 600);
    for (const type of ['evaluation', 'gates', 'sample']) {
      const places = placesOf(log, type);
      expect(places).toHaveLength(100);
      expect([places[0], places.at(-1)]).toEqual([0, 99_950]);
      expect(Math.max(...places.slice(1).map((at, i) => at - (places[i] as number)))).toBeLessThanOrEqual((2 * 100_000) / 100);
    }
  });

  it('has the mean of the steps that one stands for, and else what the last of them told', () => {
    const log = new TrainingLog(run(5000, 1e6));
    let before = -1;
    for (const one of stepsOf(log)) {
      const mean = (before + 1 + one.step) / 2; // of the steps themselves, which are the losses
      expect(one.twins.dense?.loss).toBeCloseTo(mean, 6);
      expect(one.twins.dense?.gradNorm).toBeCloseTo(2 * mean, 6);
      expect(one.twins.dense?.seconds).toBeCloseTo(3 * mean, 6);
      expect([one.twins.dense?.smoothed, one.tokensPerSecond, one.learningRate]).toEqual([one.step + 1, one.step, 1 / (one.step + 1)]);
      before = one.step;
    }
  });

  it('keeps the step after which something was evaluated', () => {
    const log = new TrainingLog(run(5000, 100));
    expect(placesOf(log, 'step')).toEqual(expect.arrayContaining(placesOf(log, 'evaluation').flatMap((at) => (at > 0 ? [at - 1] : []))));
  });

  it('leaves out losses that are no numbers, and says that a step was skipped', () => {
    const nan = Number.NaN;
    const skipped = { ...step(0, 0), twins: { dense: { loss: nan, smoothed: nan, gradNorm: nan, seconds: 1, skipped: true } } };
    const log = new TrainingLog([skipped as LoggedEvent, ...[...run(601, 1e6)].slice(4)]);
    expect(stepsOf(log)).toHaveLength(600);
    expect(stepsOf(log)[0]?.twins.dense).toMatchObject({ loss: 1, gradNorm: 2, skipped: true });
  });

  it('forgets what is done again', () => {
    const log = new TrainingLog(run(20, 5));
    log.add(step(9, 60));
    log.add(evaluation(10));
    log.add(step(10, 70));
    expect(stepsOf(log).map(({ twins }) => twins.dense?.loss)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 60, 70]);
    expect(placesOf(log, 'evaluation')).toEqual([0, 5, 10]);
    expect(placesOf(log, 'sample')).toEqual([0, 5]);
  });

  it('can be read from what was kept and go on as if nothing had been', () => {
    const events = [...run(9000, 30)];
    const log = new TrainingLog(events.slice(0, 5000));
    const later = new TrainingLog(log.events);
    for (const event of events.slice(5000)) [log.add(event), later.add(event)];
    expect(later.events).toEqual(log.events);
  });

  it('has nothing of what passes', () => {
    const log = new TrainingLog();
    log.add({ type: 'state', state: 'paused' });
    log.add({ type: 'saved', step: 1, bytes: 1 });
    log.add({ type: 'notice', message: 'no room' });
    expect(log.events).toEqual([]);
  });
});
