import { describe, expect, it } from 'vitest';
import { completeSettings } from '../settings/resolve';
import { sharesFor } from './shares';

const shares = (ranks: number, gradientAccumulationSteps: number, batchSize: number) => ({ ranks, gradientAccumulationSteps, batchSize });

describe('the texts of a step', () => {
  it.each([
    [shares(2, 1, 8), shares(2, 1, 8)],
    [shares(2, 1, 8), shares(1, 2, 8)],
    [shares(2, 1, 8), shares(4, 1, 4)],
    [shares(4, 2, 6), shares(2, 4, 6)],
    [shares(1, 1, 12), shares(6, 1, 2)],
  ])('stay as many when %j becomes %j', (began, now) => {
    expect(sharesFor(now.ranks, began)).toEqual(now);
  });

  it('cannot be divided among any number', () => {
    expect(() => sharesFor(8, shares(1, 1, 12))).toThrow('So many processes cannot divide a step.');
  });
});

describe('outer steps', () => {
  const steps = { maxSteps: 100, evalInterval: 50, saveInterval: 25, sampleInterval: 0 };

  it('are a measure of every interval', () => {
    expect(completeSettings({ ...steps, outerSteps: 25 }).outerSteps).toBe(25);
    for (const [name, value] of Object.entries({ maxSteps: 110, evalInterval: 30, saveInterval: 5, sampleInterval: 1 }))
      expect(() => completeSettings({ ...steps, outerSteps: 25, [name]: value })).toThrow('does not fit --outer-steps');
  });
});
