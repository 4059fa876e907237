import { describe, expect, it } from 'vitest';
import * as checks from './checks';
import * as decode from './decode';
import * as kernels from './index';
import * as internal from './internal';
import * as runtime from './runtime';
import * as wasm from './wasm';
import * as webgpu from './webgpu';

describe('the surface of @densessm/kernels', () => {
  it('changes only in sight of a review', () => {
    expect(Object.keys(kernels).sort()).toMatchInlineSnapshot(`
      [
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
        "logSigmoid",
        "matMul",
        "packParams",
        "rmsNorm",
        "rotatePairs",
        "selectiveScan",
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
        "kernelOf",
        "operationCheck",
        "sampleTensor",
        "switchOff",
      ]
    `);
    expect(Object.keys(decode).sort()).toMatchInlineSnapshot(`
      [
        "decoderMaker",
        "packedOf",
        "runtimeOf",
      ]
    `);
    expect(Object.keys(internal).sort()).toEqual([
      'CALLS_BEFORE_REPLAY',
      'Replayed',
      'gpuChoices',
      'hasHalfProducts',
      'linearParts',
      'readStates',
      'runtimeOf',
      'selectiveScanShown',
      'withPrecision',
    ]);
    expect(Object.keys(wasm)).toMatchInlineSnapshot(`
      [
        "loadBuild",
        "PackedLinear",
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
        "packer",
        "startBackend",
        "wasmStarter",
        "webgpuStarter",
      ]
    `);
    expect(Object.keys(webgpu)).toMatchInlineSnapshot(`
      [
        "registerWebGpuKernels",
      ]
    `);
  });
});
