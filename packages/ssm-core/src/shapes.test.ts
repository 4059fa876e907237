import { zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { bindShapes } from './shapes';

describe('bindShapes', () => {
  it('binds each letter once and returns the sizes', () => {
    const sizes = bindShapes('f', 'fix', {
      q: [zeros([2, 7, 3]), ['B', 'T', 'K']],
      k: [zeros([2, 7, 3]), ['B', 'T', 'K']],
      mask: [zeros([7, 1]), ['T', 1]],
    });
    expect(sizes).toEqual({ B: 2, T: 7, K: 3 });
  });

  it('names the tensor, the letters so far and the fix', () => {
    const bind = () =>
      bindShapes('retention', 'split heads to [B, T, width]', {
        q: [zeros([2, 7, 3]), ['B', 'T', 'K']],
        k: [zeros([2, 8, 3]), ['B', 'T', 'K']],
      });
    expect(bind).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: retention: \`k\` has the wrong shape.
        expected  [B, T, K] with {"B":2,"T":7,"K":3}
        got       [2, 8, 3]
        fix       split heads to [B, T, width]]
    `);
  });

  it('refuses another rank, another fixed size and one letter with two sizes in one tensor', () => {
    expect(() => bindShapes('f', '', { x: [zeros([2, 3]), ['T']] })).toThrow(/wrong shape/);
    expect(() => bindShapes('f', '', { x: [zeros([2, 3]), ['T', 4]] })).toThrow(/wrong shape/);
    expect(() => bindShapes('f', '', { x: [zeros([2, 3]), ['T', 'T']] })).toThrow(/wrong shape/);
  });

  it('takes any leading sizes for "...", the same for every tensor', () => {
    expect(bindShapes('f', '', { x: [zeros([2, 3, 5]), ['...', 'D']], w: [zeros([5]), ['D']] })).toEqual({ D: 5 });
    expect(() => bindShapes('f', '', { a: [zeros([2, 3, 5]), ['...', 'M']], b: [zeros([4, 5]), ['...', 'M']] })).toThrow(/`b`/);
  });

  it('skips tensors that are not there', () => {
    expect(bindShapes('f', '', { x: [zeros([4]), ['D']], bias: [undefined, ['D']] })).toEqual({ D: 4 });
  });
});
