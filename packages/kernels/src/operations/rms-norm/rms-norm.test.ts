import { describeKernelChecks } from '@densessm/testing';
import { tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { rmsNormChecks } from './checks';
import { rmsNorm } from './kernel';

describeKernelChecks(rmsNormChecks);

describe('rmsNorm', () => {
  it('refuses groups that do not divide the last axis', () => {
    expect(() => rmsNorm({ x: tensor([[1, 2, 3, 4, 5, 6]]) }, { groupSize: 4 })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: SsmRmsNorm: \`groupSize\` does not cut the last axis into groups.
        expected  a divisor of 6, or 0 for all of it
        got       4
        fix       use the inner size divided by the number of groups]
    `);
  });

  it('refuses a gate of another shape', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(() => rmsNorm({ x, gate: tensor([[1, 2]]) })).toThrow(/`gate` has the wrong shape/);
  });
});
