import { kernelChecks } from '@densessm/kernels/checks';
import { startBackend as startOf, type WebGpuPlatform, webgpuStarter } from '@densessm/kernels/runtime';
import { mamba } from '@densessm/mamba';
import { denseRetNet } from '@densessm/retnet';
import { type AnyModel, disposeTree, SsmError } from '@densessm/ssm-core';
import { describeKernelChecks, expectClose } from '@densessm/testing';
import { adamW, constantSchedule, randomBlocks, Trainer, tokenSource } from '@densessm/train';
import { findBackend, setBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { webGpu } from '../packages/runtime-node/src/open-gpu';

/** What every adapter has, the least that WebGPU promises. */
const LEAST: Readonly<Record<string, number>> = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
};

/** A member, as it is, of an object behind a proxy. */
function memberOf<T extends object>(of: T, name: string | symbol): unknown {
  const value: unknown = Reflect.get(of, name, of);
  return typeof value === 'function' ? value.bind(of) : value;
}

/** The adapter of this machine with no optional feature and no limit beyond what all have. */
const plain: WebGpuPlatform = {
  ...webGpu,
  openGpu: async () => {
    const gpu = await webGpu.openGpu();
    const limited = (adapter: GPUAdapter): GPUAdapter => {
      const limits = new Proxy(adapter.limits, { get: (of, name) => LEAST[name as string] ?? memberOf(of, name) });
      const members: Record<string, unknown> = { features: new Set(), limits };
      return new Proxy(adapter, { get: (of, name) => members[name as string] ?? memberOf(of, name) });
    };
    const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
      const adapter = await gpu.requestAdapter(options);
      return adapter && limited(adapter);
    };
    return new Proxy(gpu, { get: (of, name) => (name === 'requestAdapter' ? requestAdapter : memberOf(of, name)) });
  },
};
const none = { name: 'none', probe: async () => 'not measured', start: async () => '' };

/** Why there is no device; on CI, which installs one, that is a failure. */
const missing = await startOf([webgpuStarter(plain, none)], { device: 'webgpu' }).then(
  () => undefined,
  (error: unknown) => {
    if (process.env.CI || !(error instanceof SsmError)) throw error;
    return `${error.message}\nTests of WebGPU need a GPU, or SwiftShader: apt-get install chromium`;
  },
);
if (missing) process.stderr.write(`tests/webgpu-plain-adapter.test.ts is skipped. ${missing}\n`);

const few = ['SsmSelectiveScanGrad', 'SsmDecayScanGrad', 'SsmMatMulF16', 'SsmCausalConv1dGrad'];

describe.skipIf(missing)('WebGPU without any optional feature, at the least limits', () => {
  it('has a device that has no more', () => {
    const { device } = findBackend('webgpu') as unknown as { device: GPUDevice };
    expect([...device.features].filter((name) => name !== 'core-features-and-limits')).toEqual([]);
    for (const [name, least] of Object.entries(LEAST)) expect(device.limits[name as keyof GPUSupportedLimits], name).toBe(least);
  });

  const firstOf = <T>(samples: Readonly<Record<string, T>>) => Object.fromEntries(Object.entries(samples).slice(0, 2));
  describeKernelChecks(
    kernelChecks.filter(({ name }) => few.includes(name)).map((check) => ({ ...check, samples: firstOf(check.samples) })),
    { backends: ['webgpu'] },
  );

  const sizes = { vocab_size: 11, hidden_size: 8, num_hidden_layers: 2 };
  const retention = { dense_gate_rank: 1, query_key_dim: 8, v_factor: 2, num_attention_heads: 2, dense_block_layers: 1 };
  it.each<[string, AnyModel, object]>([
    ['a Mamba', mamba as AnyModel, { model_type: 'mamba', ...sizes, state_size: 4 }],
    ['a DenseRetNet', denseRetNet as AnyModel, { ...sizes, ...retention }],
  ])('reads and learns as wasm does: %s', async (_, model, json) => {
    const text = Int32Array.from({ length: 300 }, (_, i) => (i * i + (i % 7)) % 11);
    const on = async (backend: string) => {
      await setBackend('wasm');
      const config = model.parseConfig(json);
      const params = model.init(config, 1) as object;
      await setBackend(backend);
      const state = model.initialState(config, 1);
      const [logits, next] = model.advance(params, config, [[1, 5, 7, 2, 9]], state);
      const values = await logits.data();
      disposeTree([logits, next, state]);
      const sampler = randomBlocks(tokenSource(text), { batchSize: 2, blockSize: 9, seed: 5 });
      const options = {
        model,
        config,
        params,
        sampler,
        optimizer: adamW(),
        schedule: constantSchedule({ learningRate: 0.01 }),
        gradClip: 1,
      };
      const trainer = new Trainer<unknown, object, unknown>(options);
      const losses: number[] = [];
      for (let i = 0; i < 3; i++) losses.push((await trainer.step()).loss);
      trainer.dispose();
      return { values, losses };
    };
    const [want, got] = [await on('wasm'), await on('webgpu')];
    await expectClose('logits', want.values, got.values, 1e-4);
    await expectClose('losses', want.losses, got.losses, 1e-4);
  });
});
