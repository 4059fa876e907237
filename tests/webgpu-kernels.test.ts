import { silu } from '@densessm/kernels';
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

  it('throws an error of the device when a tensor is read, and names the shader', async () => {
    device().createShaderModule({ label: 'SsmBroken', code: 'fn broken(' });
    await expect(fill([2], 1).data()).rejects.toThrow(/webgpu: SsmBroken failed on this device/);
    expect([...(await fill([2], 1).data())], 'told once').toEqual([1, 1]);
  });

  it('says that a lost device is lost, and starts another', async () => {
    const lost = device();
    lost.destroy();
    await lost.lost;
    await expect(silu(fill([2], 1)).data()).rejects.toThrow(/webgpu: the device was lost/);
    await startBackend({ device: 'webgpu' });
    expect(device()).not.toBe(lost);
    expect((await silu(fill([2], 0)).data())[0]).toBe(0);
  });
});

const device = () => (findBackend('webgpu') as unknown as { device: GPUDevice }).device;
