import { describeKernelChecks } from '@densessm/testing';
import { findBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelChecks } from '../../checks/list';
import { registerWasmKernels } from './register';

// the parity suites beside each kernel run the build that this machine chooses; this is the other one
beforeAll(async () => {
  await registerWasmKernels(findBackend('wasm'), { simd: 'standard' });
});

describe('the build with standard SIMD', () => {
  it('runs when asked for', async () => {
    expect((await registerWasmKernels(findBackend('wasm'), { simd: 'standard' })).simd).toBe('standard');
  });
  describeKernelChecks(kernelChecks, { backends: ['wasm'] });
});
