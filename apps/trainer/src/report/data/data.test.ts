import { describe, expect, it } from 'vitest';
import { evaluation, info, step, steps } from '../test-support';
import { axisOf, MAX_POINTS, trainingCurves } from './curves';
import { reportRun } from './run';
import { smooth } from './smooth';
import { summarize } from './summary';

describe('smoothing', () => {
  it('takes the mean of the middle half of the neighbors, of fewer near the start', () => {
    expect(smooth([5, 1, 3, 9, 2, 4], 0)).toEqual([5, 1, 3, 9, 2, 4]);
    expect(smooth([4, 1, 1, 8, 0, 3, 6], 2)).toEqual([4, 2, 2, 5 / 3, 10 / 3, 4.5, 3]);
  });

  it('neither lags nor follows what is not finite or a spike', () => {
    const line = Array.from({ length: 41 }, (_, i) => i);
    expect(smooth(line, 5).slice(0, 36)).toEqual(line.slice(0, 36).map((value) => expect.closeTo(value, 9)));
    const spoilt = line.map((value) => (value === 20 ? 1e9 : value === 25 ? Number.NaN : value));
    const far = smooth(spoilt, 5).map((value, i) => Math.abs(value - i));
    expect(Math.max(...far.slice(0, 36))).toBeLessThan(2);
    expect(smooth([Number.NaN, Number.POSITIVE_INFINITY], 1)).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('curves', () => {
  it('show every step of a short run as it is', () => {
    const curves = trainingCurves(steps(3));
    expect(curves).toMatchObject({ stepsPerPoint: 1, loss: [4, 2.5, 2], lossLow: [4, 2.5, 2], lossHigh: [4, 2.5, 2], skipped: [0, 0, 0] });
    expect(curves.axis).toEqual({ steps: [0, 1, 2], tokens: [100, 200, 300], minutes: [0.00833333, 0.0166667, 0.025] });
  });

  it('thin a long run, and keep its extremes and its end', () => {
    const count = 5 * MAX_POINTS - 3;
    const curves = trainingCurves(steps(count).map((one) => (one.step === 6789 ? { ...one, loss: 77 } : one)));
    expect(curves.stepsPerPoint).toBe(5);
    expect(curves.loss.length).toBe(MAX_POINTS);
    expect(curves.axis.steps.at(-1)).toBe(count - 1);
    expect(curves.axis.tokens.at(-1)).toBe(100 * count);
    expect(curves.lossHigh[Math.floor(6789 / 5)]).toBe(77);
    expect(Math.max(...curves.loss.slice(1).map(Number))).toBeLessThan(4);
  });

  it('have gaps, not numbers, where nothing is finite', () => {
    const spoilt = [step(0), step(1, { loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY, skipped: true }), step(2)];
    expect(trainingCurves(spoilt)).toMatchObject({
      loss: [4, null, 2],
      lossLow: [4, null, 2],
      gradNorm: [0.5, null, 0.5],
      skipped: [0, 1, 1],
    });
    expect(trainingCurves([])).toMatchObject({ loss: [], stepsPerPoint: 1 });
  });

  it('put other records where as many updates lie behind', () => {
    const run = { steps: steps(4) };
    expect(axisOf([{ step: 0 }, { step: 3 }, { step: 4 }], run)).toEqual({
      steps: [0, 3, 4],
      tokens: [0, 300, 400],
      minutes: [0, 0.025, 0.0333333],
    });
  });
});

describe('a run', () => {
  it('is sorted by kind and step, and the later of two records counts', () => {
    const run = reportRun('a', [step(1), step(0), evaluation(0, 5), step(1, { loss: 7 })]);
    expect(run.steps.map(({ step: n, loss }) => [n, loss])).toEqual([
      [0, 4],
      [1, 7],
    ]);
    expect(run.evaluations.length).toBe(1);
  });

  it('comes down to figures', () => {
    const records = [
      ...steps(40),
      step(40, { skipped: true, loss: Number.NaN }),
      evaluation(0, 5),
      evaluation(20, 1.5),
      evaluation(41, Number.NaN),
    ];
    expect(summarize(reportRun('a', records, info()))).toMatchObject({
      ...{ name: 'a', model: 'DenseMamba', parameters: 1234567, steps: 41, plannedSteps: 40, tokens: 4100, seconds: 20.5 },
      ...{ tokensPerSecond: 200, skipped: 1, best: { step: 20, loss: 1.5 }, last: { step: 41 } },
      trainLoss: 1 + 3 / 40, // of 40 finite ones the last
    });
    expect(summarize(reportRun('a', []))).toMatchObject({ steps: 0, tokensPerSecond: undefined, trainLoss: undefined, best: undefined });
  });
});
