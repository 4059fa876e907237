import { expect, it } from 'vitest';
import { MovingAverage } from './moving-average';

it('is the mean of what came, the newest with 0.12 of the weight, without what was no number', () => {
  const average = new MovingAverage();
  expect(average.add(Number.NaN)).toBeNaN();
  expect(average.add(2)).toBe(2);
  expect(average.add(Number.POSITIVE_INFINITY)).toBe(2);
  expect(average.add(4)).toBeCloseTo((2 * 0.88 + 4) / 1.88, 12);
});

it('goes on from where it was, to the last bit', () => {
  const whole = new MovingAverage();
  for (const value of [3, 1, 4]) whole.add(value);
  const rest = new MovingAverage(JSON.parse(JSON.stringify(whole.soFar)));
  expect(rest.add(1.5)).toBe(whole.add(1.5));
});
