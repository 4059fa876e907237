import { describe, expect, it } from 'vitest';
import * as checks from './checks';
import * as kernels from './index';
import * as runtime from './runtime';
import * as wasm from './wasm';

describe('the surface of @densessm/kernels', () => {
  it('changes only in sight of a review', () => {
    expect(Object.keys(kernels).sort()).toMatchInlineSnapshot(`
      [
        "DecodeWorkspace",
        "PackedLinear",
        "adamwStep",
        "causalConv1d",
        "crossEntropy",
        "cumsum",
        "decayScan",
        "embedding",
        "gelu",
        "geluTanh",
        "linear",
        "linearCrossEntropy",
        "linearParts",
        "logSigmoid",
        "makeDecoder",
        "matMul",
        "packParams",
        "packer",
        "readStates",
        "rmsNorm",
        "selectiveScan",
        "selectiveScanShown",
        "silu",
        "siluGate",
        "softplus",
        "squareSum",
      ]
    `);
    expect(Object.keys(checks).sort()).toMatchInlineSnapshot(`
      [
        "checkKernel",
        "evaluateSample",
        "kernelCheck",
        "kernelChecks",
        "operationCheck",
        "sampleTensor",
      ]
    `);
    expect(Object.keys(wasm)).toMatchInlineSnapshot(`
      [
        "loadBuild",
        "registerWasmKernels",
        "ThreadPool",
        "threadSource",
      ]
    `);
    expect(Object.keys(runtime).sort()).toMatchInlineSnapshot(`
      [
        "cpuStarter",
        "devicesOf",
        "openTfjsModule",
        "startBackend",
        "wasmStarter",
      ]
    `);
  });
});
