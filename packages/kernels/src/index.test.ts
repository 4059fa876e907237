import { describe, expect, it } from 'vitest';
import * as kernels from './index';
import * as wasm from './wasm';

describe('the surface of @densessm/kernels', () => {
  it('changes only in sight of a review', () => {
    expect(Object.keys(kernels).sort()).toMatchInlineSnapshot(`
      [
        "causalConv1d",
        "crossEntropy",
        "cumsum",
        "decayScan",
        "embedding",
        "gelu",
        "geluTanh",
        "linear",
        "matMul",
        "rmsNorm",
        "selectiveScan",
        "silu",
        "softplus",
      ]
    `);
    expect(Object.keys(wasm)).toMatchInlineSnapshot(`
      [
        "registerWasmKernels",
      ]
    `);
  });
});
