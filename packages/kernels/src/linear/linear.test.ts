import { describeKernelParity } from '@densessm/testing';
import { tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { linear } from './kernel';

const at = (x: number[], out: number, bias = false) => ({
  inputs: { x: { shape: x }, w: { shape: [out, x.at(-1) as number] }, ...(bias ? { bias: { shape: [out] } } : {}) },
});

describeKernelParity(
  linear,
  {
    'one vector': at([5], 3),
    'one row': at([1, 67], 33, true),
    'rows with bias': at([7, 13], 5, true),
    'batch and time': at([2, 3, 9], 17),
    'batch, time and heads, with bias': at([2, 3, 2, 9], 4, true),
    'one output': at([3, 5], 1),
  },
  1e-5, // sums of up to 67 products in float32
);

describe('linear', () => {
  it('names the input that does not fit', () => {
    const [x, w] = [tensor([1, 2, 3]), tensor([[1, 2]])];
    expect(() => linear({ x, w: w as never })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: SsmLinear: \`w\` has the wrong shape.
        expected  [out, in] with {"in":3}
        got       [1, 2]
        mend      weights are [out, in] as on disk; the last axis of x is in]
    `);
  });
});
