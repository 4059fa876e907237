import type { TrainingEvent } from 'densessm/web';
import { describe, expect, it } from 'vitest';
import { curveReader, movingAverage } from './curves';

const step = (at: number, dense: number, plain: number): TrainingEvent => ({
  type: 'step',
  step: at - 1,
  tokensPerSecond: 1,
  secondsLeft: 1,
  learningRate: 1,
  twins: {
    dense: { loss: dense, gradNorm: 1, seconds: 1, skipped: false },
    plain: { loss: plain, gradNorm: 1, seconds: 1, skipped: false },
  },
});
const evaluation = (at: number): TrainingEvent => ({ type: 'evaluation', step: at, losses: { dense: 3, plain: 4 } });
const run = (length: number) => Array.from({ length }, (_, i) => step(i + 1, 5 / (i + 1), 7 / (i + 1)));

describe('the curves of a run', () => {
  it('are the same whether its events come at once or one by one', () => {
    const events = [...run(40), evaluation(40), step(41, 1, 2)];
    const read = curveReader();
    for (let i = 1; i < events.length; i++) read(events.slice(0, i));
    expect(read(events)).toEqual(curveReader()(events));
    expect(read(events).heldPlain[39]).toBe(4);
  });

  it('hold what was done again after a restore', () => {
    const { steps, dense, denseMean } = curveReader()([...run(9), step(6, 60, 0), step(7, 70, 0)]);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(dense.slice(-2)).toEqual([60, 70]);
    expect(denseMean).toEqual(movingAverage([5, 5 / 2, 5 / 3, 5 / 4, 5 / 5, 60, 70]));
  });

  it('begin anew with another run', () => {
    const read = curveReader();
    read(run(30));
    expect(read([step(1, 8, 9), step(2, 8, 9)]).dense).toEqual([8, 8]);
    expect(read([]).steps).toEqual([]);
  });

  it('have few points, evaluated steps among them, however long the run', () => {
    const events = run(5001);
    events.splice(1234, 0, evaluation(1234));
    const { steps } = curveReader()(events);
    expect(steps.length).toBeLessThan(610);
    expect(steps).toContain(1234);
    expect(steps.at(-1)).toBe(5001);
  });

  it('average what there is', () => {
    expect(movingAverage([null, 2, null, 4], 0.5)).toEqual([null, 2, 2, (2 * 0.25 + 4 * 0.5) / 0.75]);
  });
});
