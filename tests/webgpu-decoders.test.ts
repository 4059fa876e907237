import type { LoadedModel } from '@densessm/checkpoint';
import { loadReloadable } from '@densessm/checkpoint/internal';
import { type ModelBundle, Session, stream } from '@densessm/generate';
import { packParams } from '@densessm/kernels';
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { startBackend } from '@densessm/runtime-node';
import { type AnyModel, buildParams, type Decoder, disposeTree, namedParams } from '@densessm/ssm-core';
import { describeDecoder } from '@densessm/testing';
import { findBackend, memory, setBackend, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import { missingDevice } from './webgpu-device';

const missing = await missingDevice('tests/webgpu-decoders.test.ts');

const small = { vocab_size: 24, hidden_size: 10, num_hidden_layers: 3, initializer_range: 0.3, state_size: 5, time_step_rank: 3 };
const small2 = {
  vocab_size: 24,
  hidden_size: 10,
  num_hidden_layers: 3,
  initializer_range: 0.3,
  state_size: 6,
  head_dim: 5,
  num_heads: 4,
  n_groups: 2,
};
const dense = { dense_block_layers: 2 };
const torchscale = {
  vocab_size: 24,
  decoder_embed_dim: 12,
  decoder_value_embed_dim: 10,
  decoder_retention_heads: 2,
  decoder_ffn_embed_dim: 9,
  decoder_layers: 3,
};
const released = {
  vocab_size: 24,
  hidden_size: 10,
  dense_gate_rank: 1,
  query_key_dim: 12,
  v_factor: 2,
  num_attention_heads: 2,
  num_hidden_layers: 3,
};

describe.skipIf(missing)('decoding on WebGPU', () => {
  const common = { slow: {}, backend: 'webgpu', isChoosing: true };
  const mambaCases = { ...common, fine: /dt_proj|dense/ };
  const retnetCases = { ...common, fine: /dense_k|dense_v|k_select|v_select/ };
  describeDecoder('mamba.decoder', mamba, {
    ...mambaCases,
    fast: {
      'odd sizes': small,
      'sizes that are read four at a time': { ...small, hidden_size: 32, state_size: 16, time_step_rank: 4, num_hidden_layers: 2 },
      'untied, with biases, a wide filter': { ...small, tie_word_embeddings: false, use_bias: true, use_conv_bias: false, conv_kernel: 7 },
      'a filter of one token': { ...small, conv_kernel: 1, num_hidden_layers: 2 },
    },
    rounded: { ...small, hidden_size: 64, num_hidden_layers: 2 },
  });
  describeDecoder('denseMamba.decoder', denseMamba, {
    ...mambaCases,
    fast: { dense: { ...small, ...dense, model_type: 'dense_mamba' } },
    rounded: { ...small, ...dense, model_type: 'dense_mamba', hidden_size: 40 },
  });
  describeDecoder('mamba2.decoder', mamba2, {
    ...mambaCases,
    fast: { 'two groups': small2 },
    rounded: { ...small2, hidden_size: 40, num_heads: 16 },
  });
  describeDecoder('denseMamba2.decoder', denseMamba2, {
    ...mambaCases,
    fast: { dense: { ...small2, ...dense, model_type: 'dense_mamba2', time_step_limit: [0.2, 0.6] } },
    rounded: { ...small2, ...dense, model_type: 'dense_mamba2', hidden_size: 40, num_heads: 16 },
  });
  describeDecoder('retnet.decoder', retnet, {
    ...retnetCases,
    fast: {
      'relu, tied, a scaled and normed embedding': {
        ...{ ...torchscale, activation_fn: 'relu', share_decoder_input_output_embed: true, decoder_layers: 2 },
        ...{ no_scale_embedding: false, layernorm_embedding: true },
      },
      dense: { ...torchscale, ...dense },
    },
    rounded: { ...torchscale, ...dense, decoder_embed_dim: 48 },
  });
  describeDecoder('denseRetNet.decoder', denseRetNet, {
    ...retnetCases,
    fast: { 'two layers below': { ...released, ...dense } },
    rounded: { ...released, ...dense, hidden_size: 40 },
  });

  it.each([
    ['wasm', 'webgpu'],
    ['webgpu', 'wasm'],
  ])('a snapshot that was made on %s goes on with the same text on %s', async (first, second) => {
    const values = await valuesOnWasm();
    const before = memory().numTensors;
    const greedy = { temperature: 0, maxTokens: 6 };
    const bundle = await bundleOn(first, values);
    const session = new Session(bundle, { seed: 6 });
    await session.append([1, 5, 2, 7, 3]);
    await session.generate(greedy);
    const bytes = await session.snapshot();
    const { tokens } = await session.generate(greedy);
    session.dispose();
    disposeTree(bundle.params as object);
    const other = await bundleOn(second, values);
    const restored = await Session.restore(other, bytes);
    expect((await restored.generate(greedy)).tokens).toEqual(tokens);
    expect(tokens.length).toBe(6);
    restored.dispose();
    disposeTree(other.params as object);
    expect(memory().numTensors).toBe(before);
  });

  it.each<[string, AnyModel, object, number]>([
    // a gather and the head with its norm; of a layer products, of which the first norms and convolves, the scan with its Δ, and the way out
    ['mamba', mamba, { ...small, hidden_size: 32, state_size: 16, time_step_rank: 4, num_hidden_layers: 2 }, 2 + 2 * 4],
    // products, of which the first norms and convolves, Δ, the scan, its norm and the way out
    ['mamba2', mamba2, { ...small2, hidden_size: 32, head_dim: 16, state_size: 8, num_hidden_layers: 2 }, 2 + 2 * 5],
    // as many: the gate's first product lies beside the way in, and the scan does the second
    [
      'denseMamba',
      denseMamba,
      { ...small, ...dense, hidden_size: 32, state_size: 16, dense_gate_rank: 4, model_type: 'dense_mamba' },
      2 + 3 * 4,
    ],
    // products, with the SiLU of v, all that is done to q, k and v, the scan, its norm and the way out
    ['denseRetNet', denseRetNet, { ...released, num_hidden_layers: 2, dense_block_layers: 0 }, 2 + 2 * 5],
    // and in the second layer the second products of the gates
    ['denseRetNet with gates', denseRetNet, { ...released, num_hidden_layers: 2, dense_block_layers: 1 }, 2 + 5 + 6],
  ])('takes few dispatches a token: %s', async (_, model, json, dispatches) => {
    await startBackend({ device: 'webgpu' });
    const config = model.parseConfig(json);
    const params = model.init(config, 3);
    const packed = await packParams(model.spec(config), params, { weights: 'f32' });
    const decoder = (await model.decoder?.(config, { batch: 1 })?.(packed)) as Decoder<unknown>;
    const [own, labels] = [device(), [] as string[]];
    const bind = own.createBindGroup.bind(own);
    own.createBindGroup = (described) => {
      labels.push(described.label ?? '');
      return bind(described);
    };
    await decoder.step([3]);
    own.createBindGroup = bind;
    expect(labels, labels.join()).toHaveLength(dispatches);
    decoder.dispose();
    disposeTree([params, packed]);
  });

  it('a decoder and its weights free all of their buffers', async () => {
    const values = await valuesOnWasm();
    await setBackend('webgpu');
    const alive = countBuffers();
    const bundle = await bundleOn('webgpu', values, 'int4');
    const decoder = await decoderOf(bundle);
    await decoder.step([3]);
    expect(alive.count()).toBeGreaterThan(10);
    decoder.dispose();
    disposeTree(bundle.params as object);
    await expect(decoder.step([3])).rejects.toThrow(/the decoder was disposed of/);
    expect(alive.count()).toBe(0);
    alive.stop();
  });

  it('a step on a device that was lost is an error that says so', async () => {
    const bundle = await bundleOn('webgpu', await valuesOnWasm());
    const decoder = await decoderOf(bundle);
    await decoder.step([3]);
    const lost = device();
    const waiting = decoder.step([4]);
    lost.destroy();
    await expect(waiting).rejects.toThrow(/webgpu: the device was lost/);
    await expect(decoder.step([5])).rejects.toThrow(/webgpu: the device was lost/);
    decoder.dispose();
    disposeTree(bundle.params as object);
    await startBackend({ device: 'webgpu' });
    expect(device()).not.toBe(lost);
  });

  it('texts whose device is lost go on as they would have: from their beginning, or from a snapshot', async () => {
    const values = await valuesOnWasm();
    await startBackend({ device: 'webgpu' });
    const before = memory().numTensors;
    const warnings: string[] = [];
    const bundle = await reloadable(values, warnings);
    const run = async (lose: () => void): Promise<number[]> => {
      const session = new Session(bundle, { seed: 6 });
      await session.append([1, 5, 2]);
      const tokens: number[] = [];
      const mark = session.mark();
      for await (const { token } of session.stream({ temperature: 1, maxTokens: 3 })) if (tokens.push(token as number) === 2) lose();
      await session.snapshot();
      tokens.push(...(await session.generate({ temperature: 1, maxTokens: 1 })).tokens);
      for await (const { token } of stream(bundle, [4], { temperature: 1, maxTokens: 2, seed: 3 }))
        if (tokens.push(token as number) === 5) lose(); // noticed by the text, whose first token is handed out once, and then by the session
      tokens.push(...(await session.generate({ temperature: 1, maxTokens: 1 })).tokens);
      session.rewind(mark);
      tokens.push(...(await session.generate({ temperature: 0, maxTokens: 1 })).tokens);
      session.dispose();
      return tokens;
    };
    const want = await run(() => undefined);
    expect([want.length, warnings]).toEqual([8, []]);
    expect(await run(() => device().destroy())).toEqual(want);
    expect(warnings).toEqual(
      Array(2).fill(expect.stringMatching(/device was lost\. The model was loaded again; texts go on[\s\S]*webgpu/)),
    );
    disposeTree(bundle.params);
    expect(memory().numTensors).toBe(before);
  });

  it('texts whose device is lost inside a run of tokens go on as they would have', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0); // runs grow as if tokens took no time
    const values = await valuesOnWasm();
    await startBackend({ device: 'webgpu' });
    const warnings: string[] = [];
    const bundle = await reloadable(values, warnings);
    const run = async (lose: () => void): Promise<unknown[]> => {
      const all: unknown[] = [];
      const session = new Session(bundle, { seed: 6 });
      await session.append([1, 5, 2]);
      for await (const { token } of session.stream({ temperature: 1, maxTokens: 20 })) {
        if (all.push(token) === 6) lose();
        if (all.length === 11) all.push([...(session.logits ?? [])]);
      }
      for await (const { token } of stream(bundle, [4], { temperature: 1, maxTokens: 20, seed: 3 })) if (all.push(token) === 30) lose();
      all.push((await session.generate({ maxTokens: 3 })).tokens);
      session.dispose();
      return all;
    };
    const want = await run(() => undefined);
    expect(await run(() => device().destroy())).toEqual(want);
    expect(warnings).toHaveLength(2);
    disposeTree(bundle.params);
    clock.mockRestore();
  });
});

/** A model that is loaded again where its device was lost. */
async function reloadable(values: Map<string, Float32Array>, warnings: string[] = []): Promise<LoadedModel> {
  return loadReloadable({
    load: async () => ({ ...(await bundleOn('webgpu', values)) }),
    restart: async () => (await startBackend({ device: 'webgpu' })).reason,
    onWarning: (message) => warnings.push(message),
  });
}

const config = mamba.parseConfig({ ...small, num_hidden_layers: 1 });

async function valuesOnWasm(): Promise<Map<string, Float32Array>> {
  await setBackend('wasm');
  const params = mamba.init(config, 3);
  const values = new Map<string, Float32Array>();
  for (const [{ name }, leaf] of namedParams(mamba.spec(config), params)) values.set(name, (await leaf.data()) as Float32Array);
  disposeTree(params);
  return values;
}

async function bundleOn(backend: string, values: Map<string, Float32Array>, weights: 'f32' | 'int4' = 'f32'): Promise<ModelBundle> {
  await setBackend(backend);
  const spec = mamba.spec(config);
  const params = buildParams(spec, ({ name, shape }) => tensor(values.get(name) as Float32Array, [...shape]) as Tensor) as ReturnType<
    typeof mamba.init
  >;
  const packed = await packParams(spec, params, { weights });
  disposeTree(params);
  return { model: mamba, config, params: packed };
}

const decoderOf = async ({ params }: ModelBundle): Promise<Decoder<unknown>> =>
  (await mamba.decoder?.(config, { batch: 1 })?.(params as ReturnType<typeof mamba.init>)) as Decoder<unknown>;

const device = () => (findBackend('webgpu') as unknown as { device: GPUDevice }).device;

/** Counts the buffers of ours that are made from now on and not destroyed: those of tfjs have no label. */
function countBuffers(): { count(): number; stop(): void } {
  const own = device();
  const alive = new Set<GPUBuffer>();
  const make = own.createBuffer.bind(own);
  own.createBuffer = (described) => {
    const buffer = make(described);
    if (described.label === undefined) return buffer;
    alive.add(buffer);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  return { count: () => alive.size, stop: () => Object.assign(own, { createBuffer: make }) };
}
