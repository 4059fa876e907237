import type { TrainingEvent } from 'densessm/web';
import { describe, expect, it } from 'vitest';
import { curvesOf } from './curves';

const twin = (loss: number, smoothed: number) => ({ loss, smoothed, gradNorm: 1, seconds: 1, skipped: false });
const step = (at: number, dense: number, plain: number): TrainingEvent => ({
  ...{ type: 'step', step: at - 1, tokensPerSecond: 1, secondsLeft: 1, learningRate: 1 },
  twins: { dense: twin(dense, 10 * dense), plain: twin(plain, 10 * plain) },
});

describe('the curves of a run', () => {
  it('have a point for each step, with what was evaluated after it', () => {
    const events: TrainingEvent[] = [
      { type: 'evaluation', step: 0, losses: { dense: 5, plain: 5 } },
      ...[step(1, 3, 4), step(2, 2, 3)],
      { type: 'evaluation', step: 2, losses: { dense: 1, plain: 2 } },
      step(3, 1, 2),
    ];
    expect(curvesOf(events)).toEqual({
      steps: [1, 2, 3],
      dense: [3, 2, 1],
      plain: [4, 3, 2],
      denseMean: [30, 20, 10],
      plainMean: [40, 30, 20],
      ahead: [10, 10, 10],
      heldDense: [null, 1, null],
      heldPlain: [null, 2, null],
    });
  });

  it('have gaps where a model has no loss', () => {
    const alone = { ...step(2, 1, 1), twins: { dense: twin(2, 2) } } as TrainingEvent;
    const { dense, plain, plainMean, ahead } = curvesOf([step(1, Number.NaN, 4), alone]);
    expect({ dense, plain, plainMean, ahead }).toEqual({
      dense: [null, 2],
      plain: [4, null],
      plainMean: [40, null],
      ahead: [null, null],
    });
  });

  it('are empty before the first step', () => {
    expect(curvesOf([]).steps).toEqual([]);
  });
});
