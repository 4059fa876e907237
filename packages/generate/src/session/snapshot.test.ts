import { packParams } from '@densessm/kernels';
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { disposeTree, SsmError, type WeightType } from '@densessm/ssm-core';
import { memory, mul, setBackend, tidy, variable } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelBundle } from '../bundle';
import { type ToyParams, toyBundle } from '../test-support/toy-model';
import { Session } from './session';
import { sha256 } from './sha-256';

beforeAll(async () => {
  await setBackend('wasm');
});

const small = { vocab_size: 12, hidden_size: 8, num_hidden_layers: 2, state_size: 3, initializer_range: 0.5 };
const bundles: Record<string, () => ModelBundle> = {
  mamba: () => bundleOf(mamba, { ...small, model_type: 'mamba' }),
  'mamba with a filter of one token': () => bundleOf(mamba, { ...small, model_type: 'mamba', conv_kernel: 1 }),
  mamba2: () => bundleOf(mamba2, { ...small, model_type: 'mamba2', num_heads: 4, head_dim: 4, n_groups: 2 }),
  dense_mamba: () => bundleOf(denseMamba, { ...small, model_type: 'dense_mamba', dense_block_layers: 1 }),
  dense_mamba2: () =>
    bundleOf(denseMamba2, { ...small, model_type: 'dense_mamba2', num_heads: 4, head_dim: 4, n_groups: 2, dense_block_layers: 1 }),
  dense_retnet: () =>
    bundleOf(denseRetNet, {
      ...{ vocab_size: 12, hidden_size: 8, num_hidden_layers: 3, num_attention_heads: 2, query_key_dim: 4, v_factor: 2 },
      dense_block_layers: 2,
    }),
  retnet: () =>
    bundleOf(retnet, {
      ...{ vocab_size: 12, decoder_embed_dim: 8, decoder_value_embed_dim: 12, decoder_retention_heads: 2 },
      ...{ decoder_ffn_embed_dim: 10, decoder_layers: 2 },
    }),
};

function bundleOf(model: ModelBundle['model'], json: object): ModelBundle {
  const config = model.parseConfig(json);
  return { model, config, params: model.init(config, 3) };
}

async function savedToy(): Promise<[ModelBundle, Uint8Array]> {
  const bundle = toyBundle({ vocabSize: 3, isPositional: true });
  const session = new Session(bundle, { seed: 1 });
  await session.append([1, 2]);
  const bytes = await session.snapshot();
  session.dispose();
  return [bundle, bytes];
}

const refused = async (bundle: ModelBundle, bytes: Uint8Array): Promise<SsmError> => {
  const error: unknown = await Session.restore(bundle, bytes).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SsmError);
  return error as SsmError;
};

describe.each(Object.entries(bundles))('a snapshot of %s', (_, make) => {
  it('goes on with bit-equal logits and the same draws', async () => {
    const bundle = make();
    const before = memory().numTensors;
    const session = new Session(bundle, { seed: 6 });
    await session.append([1, 5, 2, 7, 3]);
    const options = { temperature: 1, maxTokens: 5, presencePenalty: 0.5, noRepeatNgram: 2 };
    let bytes: Uint8Array | undefined;
    let seen = 0;
    const rest: (number | undefined)[] = [];
    for await (const { token } of session.stream({ ...options, maxTokens: 8 })) {
      if (seen++ === 2) bytes = await session.snapshot(); // in the middle of a text
      if (seen > 3) rest.push(token);
    }
    const restored = await Session.restore(bundle, bytes as Uint8Array);
    expect(restored.tokenCount).toBe(8);
    const again = await restored.generate(options);
    expect(again.tokens).toEqual(rest);
    expect(restored.logits).toEqual(session.logits);
    expect(await restored.snapshot()).toEqual(await session.snapshot());
    for (const one of [session, restored]) one.dispose();
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });
});

describe('a snapshot', () => {
  it('opens from bytes at any place of a buffer, as a file that was read gives them', async () => {
    const [bundle, bytes] = await savedToy();
    const [whole, inside] = [await Session.restore(bundle, bytes), await Session.restore(bundle, Buffer.from([0, ...bytes]).subarray(1))];
    expect(inside.logits).toEqual(whole.logits);
    expect(await inside.snapshot()).toEqual(bytes);
    for (const one of [whole, inside]) one.dispose();
    disposeTree(bundle.params);
  });

  it('opens on another backend', async () => {
    const bundle = bundles.mamba?.() as ModelBundle;
    const session = new Session(bundle);
    await session.append([1, 2, 3]);
    const bytes = await session.snapshot();
    await setBackend('cpu');
    const again = bundles.mamba?.() as ModelBundle; // made there, from the same seed
    const restored = await Session.restore(again, bytes);
    expect(restored.logits).toEqual(session.logits);
    await restored.append([4]);
    restored.dispose();
    disposeTree(again.params);
    await setBackend('wasm');
    session.dispose();
    disposeTree(bundle.params);
  });

  it('opens with packed weights where these are the same weights', async () => {
    const bundle = bundles.mamba?.() as ModelBundle;
    const { model, config } = bundle;
    const packedAs = async (weights: WeightType) => ({
      ...bundle,
      params: await packParams(model.spec(config), bundle.params, { weights }),
    });
    const [exact, rounded, other] = [await packedAs('f32'), await packedAs('int8'), await packedAs('int4')];
    const session = new Session(rounded);
    await session.append([1, 2, 3]);
    await session.append([4]); // through the decoder, which shares the weights
    const bytes = await session.snapshot();
    const restored = await Session.restore(rounded, bytes);
    expect(restored.logits).toEqual(session.logits);
    for (const foreign of [other, exact, bundle]) expect((await refused(foreign, bytes)).code).toBe('STATE');
    const plain = new Session(bundle);
    const inFloats = await Session.restore(exact, await plain.snapshot());
    for (const one of [session, restored, plain, inFloats]) one.dispose();
    disposeTree([exact.params, rounded.params, other.params, bundle.params]);
  });

  it('of a session that has read nothing opens too', async () => {
    const bundle = toyBundle();
    const session = new Session(bundle, { seed: 3 });
    const restored = await Session.restore(bundle, await session.snapshot());
    expect([restored.tokenCount, restored.logits]).toEqual([0, undefined]);
    for (const one of [session, restored]) one.dispose();
    disposeTree(bundle.params);
  });

  it('is refused with any byte flipped and at any shorter or greater length', async () => {
    const [bundle, bytes] = await savedToy();
    const before = memory().numTensors;
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      expect((await refused(bundle, flipped)).code, `byte ${at}`).toBe('FILE');
      expect((await refused(bundle, bytes.subarray(0, at))).code, `${at} bytes`).toBe('FILE');
    }
    expect((await refused(bundle, Uint8Array.of(...bytes, 0))).code).toBe('FILE');
    (await Session.restore(bundle, bytes.slice())).dispose();
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('of another model is refused: other weights, config or kind', async () => {
    const [bundle, bytes] = await savedToy();
    const { table } = bundle.params as ToyParams;
    const others: ModelBundle[] = [
      { ...bundle, params: { table: tidy(() => mul(table, 1.0001)) } },
      { ...bundle, config: { vocabSize: 3, isPositional: false } },
      { ...bundle, model: { ...bundle.model, modelType: 'toy2' }, params: { table: table.clone() } },
      bundles.mamba?.() as ModelBundle,
    ];
    for (const other of others) {
      const error = await refused(other, bytes);
      expect(error).toMatchObject({ code: 'STATE', message: expect.stringMatching(/of another model/) });
      disposeTree(other.params === bundle.params ? [] : other.params);
    }
    const [trained, values] = [variable(table), await table.data()];
    const training = { ...bundle, params: { table: trained } };
    (await Session.restore(training, bytes)).dispose();
    trained.assign(tidy(() => mul(table, 1.0001))); // in place
    expect((await refused(training, bytes)).code).toBe('STATE');
    trained.dispose();
    expect(await table.data()).toEqual(values);
    const same = { ...bundle, params: { table: table.clone() } };
    (await Session.restore(same, bytes)).dispose();
    disposeTree([same.params, bundle.params]);
  });

  it('with a right checksum is still read with care', async () => {
    const [bundle, bytes] = await savedToy();
    const text = new TextDecoder('latin1').decode(bytes);
    const changes: [from: string, to: string, code: string][] = [
      ['"xoshiro128":', '"xoshiro129":', 'FILE'],
      ['"position":2', '"position":x', 'FILE'],
      ['"position":2', '"positron":2', 'STATE'],
      ['"shape":[1,3]', '"shape":[3,1]', 'STATE'],
      ['"shape":[1,3]', '"shape":[1,4]', 'FILE'],
      ['"float32","shape":[1', '"float64","shape":[1', 'FILE'],
      ['"state.seen"', '"state.sewn"', 'STATE'],
    ];
    for (const [from, to, code] of changes) {
      expect(text).toContain(from);
      const changed = Uint8Array.from(text.replace(from, to), (letter) => letter.charCodeAt(0));
      changed.set(sha256(changed.subarray(0, -32)), changed.length - 32);
      expect((await refused(bundle, changed)).code, `${from} to ${to}`).toBe(code);
    }
    disposeTree(bundle.params);
  });
});
