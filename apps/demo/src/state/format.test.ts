import { expect, it } from 'vitest';
import { bytes, percent, rate } from './format';

it('gives sizes as people read them, in six characters at most', () => {
  const sizes = [7680, 61_440, 99_400, 99_840, 123_000, 999_400, 999_600, 1_110_000];
  expect(sizes.map(bytes)).toEqual(['7.7 KB', '61 KB', '99 KB', '100 KB', '123 KB', '999 KB', '1.0 MB', '1.1 MB']);
  expect(bytes(721)).toBe('721 bytes');
});

it('gives rates and probabilities no more digits than mean something', () => {
  expect([9.96, 99.96, 1234.5].map(rate)).toEqual(['10.0', '100', '1,235']);
  expect([1, 0.98, 0.123, 0.001, 0].map(percent)).toEqual(['> 99.9 %', '98 %', '12 %', '0.1 %', '< 0.1 %']);
});
