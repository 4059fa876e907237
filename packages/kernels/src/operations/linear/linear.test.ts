import { describeKernelChecks } from '@densessm/testing';
import { tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { linearChecks } from './checks';
import { linear } from './kernel';

describeKernelChecks(linearChecks);

describe('linear', () => {
  it('names the input that does not fit', () => {
    const [x, w] = [tensor([1, 2, 3]), tensor([[1, 2]])];
    expect(() => linear({ x, w: w as never })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: SsmLinear: \`w\` has the wrong shape.
        expected  [out, in] with {"in":3}
        got       [1, 2]
        fix       weights are [out, in] as on disk; the last axis of x is in]
    `);
  });
});
