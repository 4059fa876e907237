import { packParams } from '@densessm/kernels';
import { PackedLinear } from '@densessm/kernels/wasm';
import { denseMamba, type MambaParams, mamba } from '@densessm/mamba';
import { type Decoder, type DecoderOptions, disposeTree, SsmError } from '@densessm/ssm-core';
import { backend, memory, mul, setBackend, tidy, type Variable, variable } from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelBundle } from '../bundle';
import { generate, generateBatch } from '../generate';
import { Session } from '../session/session';

const json = { vocab_size: 23, hidden_size: 12, num_hidden_layers: 2, state_size: 4, initializer_range: 0.6 };
const config = mamba.parseConfig({ ...json, model_type: 'mamba' });
const DRAWING = { temperature: 1, seed: 3, maxTokens: 12 };
let bundle: ModelBundle;
let before: number;

beforeEach(async () => {
  await setBackend('wasm');
  bundle = { model: mamba, config, params: mamba.init(config, 3) };
  before = memory().numTensors;
});

afterEach(() => {
  expect(memory().numTensors).toBe(before);
  disposeTree(bundle.params);
});

const heapBytes = (): number =>
  (backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } }).wasm.asm.memory.buffer.byteLength;

/** The bundle without its decoder. */
const slow = (): ModelBundle => ({ ...bundle, model: { ...bundle.model, decoder: undefined } });

/** The bundle, with a record of its calls, and a decoder as `change` makes it. */
function watched(change = (decoder: Decoder<unknown>): Partial<Decoder<unknown>> => decoder) {
  const calls = { read: [] as number[], opened: [] as DecoderOptions[], params: [] as MambaParams[], steps: 0, open: 0 };
  const { advance, decoder: make } = bundle.model;
  const model: ModelBundle['model'] = {
    ...bundle.model,
    advance: (params, given, tokens, state, options) => {
      calls.read.push((tokens as number[][])[0]?.length ?? 0);
      return advance(params, given, tokens, state, options);
    },
    decoder: (given, options) => async (params) => {
      calls.opened.push(options);
      calls.params.push(params);
      calls.open++;
      const decoder = (await make?.(given, options)?.(params)) as Decoder<unknown>;
      const all: Decoder<unknown> = {
        step: (ids) => {
          calls.steps++;
          return decoder.step(ids);
        },
        load: (state) => decoder.load(state),
        state: () => decoder.state(),
        loadRow: (row, state) => decoder.loadRow(row, state),
        stateOfRow: (row) => decoder.stateOfRow(row),
        copyRow: (from, to) => decoder.copyRow(from, to),
        dispose: () => {
          calls.open--;
          decoder.dispose();
        },
      };
      return { ...all, ...change(all) };
    },
  };
  return { calls, bundle: { ...bundle, model } };
}

describe('single tokens', () => {
  it('go through the decoder and prompts do not, in generate, batches, beams and sessions', async () => {
    const { calls, bundle: spied } = watched();
    const prompt = [3, 1, 4, 1, 5];
    expect((await generate(spied, prompt, DRAWING)).tokens).toEqual((await generate(slow(), prompt, DRAWING)).tokens);
    expect(calls).toMatchObject({ read: [5], opened: [{ batch: 1 }], steps: 12, open: 0 }); // the first step only warms up
    const prompts = [
      [3, 1],
      [4, 1, 5, 9, 2, 6],
      [7, 7],
    ];
    const options = { ...DRAWING, eosIds: [2, 5, 8, 11] };
    const tokensOf = (results: readonly { tokens: readonly number[] }[]) => results.map(({ tokens }) => tokens);
    expect(tokensOf(await generateBatch(spied, prompts, options))).toEqual(tokensOf(await generateBatch(slow(), prompts, options)));
    expect(new Set(calls.opened.map(({ batch }) => batch)).size).toBeGreaterThan(1); // who has ended leaves
    const beams = { numBeams: 3, maxTokens: 8 };
    expect((await generate(spied, prompt, beams)).tokens).toEqual((await generate(slow(), prompt, beams)).tokens);
    expect(calls.read.every((length) => length > 1)).toBe(true);
    expect(calls.open).toBe(0);
  });

  it('are read with other weights where they are wanted', async () => {
    const tokens = new Set<string>();
    for (const weights of ['f32', 'bf16', 'int4'] as const) {
      const { calls, bundle: spied } = watched();
      const session = new Session(spied, { seed: 1, weights });
      await session.append([3]);
      tokens.add(String(session.logits));
      session.dispose();
      await generate(spied, [3], { weights, maxTokens: 2 });
      expect(calls.params.map(({ embeddings }) => (embeddings as unknown as PackedLinear).type)).toEqual([weights, weights]);
    }
    expect(tokens.size).toBe(3);
    await expect(generate(bundle, [1], { weights: 'int2' as never })).rejects.toMatchObject({ code: 'OPTION' });
    expect(() => new Session(bundle, { weights: 'f16' as never })).toThrow(/f32, bf16, int8, int4/);
    const session = new Session(bundle);
    await session.append([1, 2]);
    await expect(session.generate({ weights: 'int8' })).rejects.toThrow(/a session that was made with them/);
    session.dispose();
  });

  it('go through advance where there is no decoder, unless only that could keep the weights as wanted', async () => {
    const input = denseMamba.parseConfig({ ...json, model_type: 'dense_mamba', dense_block_layers: 1, dense_fusion: 'input' });
    const dense = { model: denseMamba, config: input, params: denseMamba.init(input, 1) };
    expect((await generate(dense, [1, 2], { maxTokens: 3 })).tokens).toHaveLength(3);
    await expect(generate(dense, [1, 2], { weights: 'int8' })).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: decoder: \`weights\` cannot be used so.
        expected  'f32', which needs no decoder, or a model and a backend that have one
        got       'int8'
        fix       start the wasm backend with its kernels, or leave \`weights\` out]
    `);
    disposeTree(dense.params);
    const isFull = () => {
      throw new SsmError({ code: 'BACKEND', what: 'wasm: the heap has no room left.', expected: '', got: '', fix: '' });
    };
    const { calls, bundle: full } = watched(() => ({ step: isFull }));
    expect((await generate(full, [1, 2], DRAWING)).tokens).toEqual((await generate(slow(), [1, 2], DRAWING)).tokens);
    expect(calls.opened).toHaveLength(1);
    await expect(generate(full, [1, 2], { weights: 'bf16' })).rejects.toMatchObject({ code: 'BACKEND' });
    expect(calls.open).toBe(0);
  });
});

describe('a session with a decoder', () => {
  it('is forked, marked, rewound, saved and read on as one without', async () => {
    const texts = await Promise.all(
      [bundle, slow()].map(async (one) => {
        const session = new Session(one, { seed: 9 });
        await session.append([3, 1, 4]);
        const drawn = [await session.generate({ ...DRAWING, seed: undefined })];
        const [mark, fork] = [session.mark(), session.fork()];
        await session.append([5]);
        drawn.push(await session.generate(DRAWING));
        await session.append([6, 7, 8]);
        drawn.push(await session.generate(DRAWING), await fork.generate(DRAWING));
        const restored = await Session.restore(one, await fork.snapshot());
        session.rewind(mark);
        for (const again of [session, restored, fork]) drawn.push(await again.generate(DRAWING));
        expect(restored.logits).toEqual(fork.logits); // to the bit
        for (const each of [session, fork, restored]) each.dispose();
        return drawn.map(({ tokens }) => tokens);
      }),
    );
    expect(texts[0]).toEqual(texts[1]);
  });

  it('takes the state back only where it is asked for', async () => {
    let taken = 0;
    const { calls, bundle: spied } = watched((decoder) => ({
      state: () => {
        taken++;
        return decoder.state();
      },
    }));
    const session = new Session(spied, { seed: 1 });
    await session.append([1, 2]);
    await session.generate({ maxTokens: 20 });
    await session.append([4]);
    expect(taken).toBe(0);
    expect(session.stateBytes).toBeGreaterThan(0);
    session.mark();
    session.fork().dispose();
    await session.append([4, 4]);
    expect(taken).toBe(1);
    session.dispose();
    expect(calls).toMatchObject({ opened: [{ batch: 1 }], open: 0 });
  });

  it('stays as it was where a step throws or is aborted', async () => {
    let isBroken = false;
    const { bundle: spied } = watched((decoder) => ({
      step: (ids) => {
        if (isBroken) throw new Error('a thread died');
        return decoder.step(ids);
      },
    }));
    const session = new Session(spied, { seed: 2 });
    await session.append([1, 2]);
    const half = { temperature: 1, maxTokens: 6 };
    const tokens = [...(await session.generate(half)).tokens];
    isBroken = true;
    await expect(session.generate(half)).rejects.toThrow('a thread died');
    isBroken = false;
    const controller = new AbortController();
    const aborted = session.append([3], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(session.append([23])).rejects.toMatchObject({ code: 'TOKENS' });
    tokens.push(...(await session.generate(half)).tokens);
    expect(tokens).toEqual((await generate(slow(), [1, 2], { ...half, maxTokens: 12, seed: 2 })).tokens);
    session.dispose();
  });

  it('frees the decoder where it is disposed of while one is made', async () => {
    const { calls, bundle: spied } = watched();
    const session = new Session(spied);
    const reading = session.append([3]);
    session.dispose();
    await expect(reading).rejects.toMatchObject({ code: 'STATE' });
    expect(calls).toMatchObject({ opened: [{ batch: 1 }], open: 0 });
  });

  it('needs no more memory after 4,000 tokens than after 400', async () => {
    const session = new Session(bundle, { seed: 1, historyLength: 64 });
    await session.append([1, 2, 3]);
    const used: unknown[] = [];
    for (const length of [400, 3600]) {
      await session.generate({ temperature: 1, maxTokens: length });
      const { numTensors, numBytes } = memory();
      used.push([numTensors, numBytes, heapBytes()]);
    }
    expect(used[1]).toEqual(used[0]);
    session.dispose();
  });
});

describe('packed weights', () => {
  const first = (params = {} as MambaParams) => (params.embeddings as unknown as PackedLinear).row(0);

  it('are shared by sessions of a bundle and their forks, and freed with the last of them', async () => {
    const { calls, bundle: spied } = watched();
    const session = new Session(spied, { seed: 1 });
    const other = new Session(spied, { seed: 2 });
    await Promise.all([session.append([1]), other.append([2])]);
    const fork = session.fork();
    session.dispose();
    other.dispose();
    await fork.append([4]);
    expect(new Set(calls.params).size).toBe(1);
    expect(calls.params[0]?.embeddings).toBeInstanceOf(PackedLinear);
    expect(first(calls.params[0])).toHaveLength(12);
    const rounded = new Session(spied, { seed: 1, weights: 'int8' });
    await rounded.append([1]);
    for (const one of [fork, rounded]) one.dispose();
    expect(new Set(calls.params).size).toBe(2);
    for (const params of calls.params) expect(() => first(params)).toThrow(/disposed of/);
    const late = new Session(spied);
    await late.append([1]);
    expect(calls.params.at(-1)).not.toBe(calls.params[0]);
    late.dispose();
  });

  it('of a bundle that is packed already are used as they are', async () => {
    const params = await packParams(mamba.spec(config), bundle.params, { weights: 'int8' });
    const { calls, bundle: spied } = watched();
    const session = new Session({ ...spied, params });
    await session.append([3]);
    session.dispose();
    expect(calls.params).toEqual([params]);
    expect(first(params as MambaParams)).toHaveLength(12);
    disposeTree(params);
  });

  it('are packed again after training has changed them in place', async () => {
    const { embeddings, ...rest } = bundle.params as MambaParams;
    const changing = variable(embeddings) as Variable & MambaParams['embeddings'];
    const { calls, bundle: spied } = watched();
    const trained: ModelBundle = { ...spied, params: { ...rest, embeddings: changing } };
    const texts: (readonly number[])[] = [];
    for (const one of [trained, { ...slow(), params: trained.params }]) {
      const session = new Session(one, { seed: 1 });
      await session.append([1, 2, 3]);
      const before = await session.generate({ temperature: 1, maxTokens: 5 });
      tidy(() => changing.assign(mul(changing, -1)));
      const after = await session.generate({ temperature: 1, maxTokens: 5 });
      texts.push([...before.tokens, ...after.tokens]);
      tidy(() => changing.assign(mul(changing, -1)));
      session.dispose();
    }
    expect(texts[0]).toEqual(texts[1]);
    expect(new Set(calls.params).size).toBe(2);
    changing.dispose();
  });
});
