import { kernelChecks } from '@densessm/kernels/checks';
import { registerWebGpuKernels } from '@densessm/kernels/webgpu';
import { startBackend } from '@densessm/runtime-node';
import { SsmError } from '@densessm/ssm-core';
import { describeKernelChecks } from '@densessm/testing';
import { addN, fill, findBackend, sum, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

/** Why there is no device; on CI, which installs one, that is a failure. */
const missing = await startBackend({ device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    return `${error.message}\nTests of WebGPU need a GPU, or SwiftShader: apt-get install chromium`;
  },
);
if (missing) process.stderr.write(`tests/webgpu-kernels.test.ts is skipped. ${missing}\n`);

describe.skipIf(missing)('WebGPU', () => {
  const names = new Set(missing ? [] : registerWebGpuKernels(findBackend('webgpu')).names);
  describeKernelChecks(
    kernelChecks.filter(({ name }) => names.has(name)),
    { backends: ['webgpu'] },
  );

  it('adds more tensors than a pipeline can bind', async () => {
    const many = Array.from({ length: 23 }, (_, i) => fill([3], i));
    expect([...(await addN(many).data())]).toEqual([253, 253, 253]);
  });

  it('sums what is empty to zeros', async () => {
    expect([...(await sum(zeros([3, 0]), 1).data())]).toEqual([0, 0, 0]);
  });
});
