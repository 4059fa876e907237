import { type GenerateOptions, generate, generateBatch, type ModelBundle, Session } from '@densessm/generate';
import { packParams } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-node';
import { type AnyModel, buildParams, type ChoiceRules, type Decoder, disposeTree, namedParams } from '@densessm/ssm-core';
import { findBackend, memory, setBackend, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { randomFrom, seededRandom } from '../packages/generate/src/samplers/random';
import { sampleToken } from '../packages/generate/src/samplers/sample-token';
import { TokenHistory } from '../packages/generate/src/token-history';
import { missingDevice } from './webgpu-device';

const missing = await missingDevice('tests/webgpu-choice.test.ts');

const none = { logitBias: new Map<number, number>(), repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, noRepeatNgram: 0 };
const greedy = { ...none, temperature: 0, topK: 0, topP: 1, minP: 0 };
const drawn = { ...greedy, temperature: 1 };
const penalties = { repetitionPenalty: 1.3, presencePenalty: 0.5, frequencyPenalty: 0.25 };
const RULES: Record<string, ChoiceRules & { noRepeatNgram: number }> = {
  greedy,
  'greedy with penalties': { ...greedy, ...penalties },
  'the model’s own distribution': drawn,
  'a low temperature': { ...drawn, temperature: 0.3 },
  'a high temperature': { ...drawn, temperature: 5 },
  'top-k': { ...drawn, temperature: 2, topK: 17 },
  'top-k of one': { ...drawn, topK: 1 },
  'top-k of more than there are': { ...drawn, topK: 1e6 },
  'top-p': { ...drawn, temperature: 2, topP: 0.7 },
  'a small top-p': { ...drawn, topP: 1e-6 },
  'min-p': { ...drawn, temperature: 3, minP: 0.2 },
  'min-p of 1': { ...drawn, minP: 1 },
  'all cuts': { ...drawn, temperature: 3, topK: 900, topP: 0.95, minP: 0.001 },
  'all cuts, penalties and a bias': {
    ...{ ...drawn, ...penalties, temperature: 3, topK: 100, topP: 0.8, minP: 0.01 },
    logitBias: new Map([
      [5, 3],
      [900, 4],
      [7, -Infinity],
    ]),
  },
};

describe.skipIf(missing)('choices on WebGPU', () => {
  /** Beyond 4,096 tokens a text takes more workgroups than get memory that is zero by chance. */
  const LARGE = ['top-k', 'top-p', 'min-p', 'all cuts'].map((name) => [name, RULES[name] as (typeof RULES)[string], 9000, 4] as const);
  const SMALL = Object.entries(RULES).map(([name, rules]) => [name, rules, 1000, 16] as const);

  it.each([...SMALL, ...LARGE])('are those of the host: %s', async (_, rules, vocab, tokens) => {
    const [batch, window] = [3, 9];
    const { decoder, dispose } = await open(vocab, batch);
    const chooser = decoder.chooser;
    if (!chooser) throw new Error('no chooser');
    expect(await chooser.ready()).toBe(false);
    const histories = [0, 1, 2].map((row) => {
      const history = new TokenHistory(window);
      history.give([5, 6, 7, row + 30]);
      return history;
    });
    const randoms = [0, 1, 2].map((row) => seededRandom(11, row));
    let before = (await decoder.step([30, 31, 32])).slice();
    for (let run = 0; run < 2; run++) {
      const { ids, logits } = await chooser.run({
        ...{ tokens, rules, logits: true },
        histories: histories.map((history) => history.lookBack()),
        randoms: randoms.map((random) => {
          const own = randomFrom(random.state());
          return Array.from({ length: tokens }, () => own.next());
        }),
      });
      for (let t = 0; t < tokens; t++) {
        for (let row = 0; row < batch; row++) {
          const id = sampleToken(
            before.subarray(row * vocab, (row + 1) * vocab),
            histories[row] as TokenHistory,
            rules,
            randoms[row] as ReturnType<typeof randomFrom>,
          );
          expect(`${run} ${t} ${row} ${ids[t * batch + row]}`).toBe(`${run} ${t} ${row} ${id}`);
          histories[row]?.draw(id);
        }
        if (!logits) throw new Error('no logits');
        before = logits(t).slice();
      }
    }
    dispose();
  });

  it('that cannot begin change nothing, and the run before is not gone back into', async () => {
    const { decoder, dispose } = await open(1000, 1);
    const { chooser } = decoder;
    if (!chooser) throw new Error('no chooser');
    await decoder.step([3]);
    await chooser.ready();
    const options = { tokens: 4, rules: greedy, histories: [], randoms: [[0, 0, 0, 0]] };
    await chooser.run(options);
    const before = [...(await chooser.logits())];
    const { device } = findBackend('webgpu') as unknown as { device: GPUDevice };
    device.createBuffer({ size: 16, usage: 0x81 }); // to be mapped and a storage: not valid, which is told to whoever calls next
    device.pushErrorScope('validation');
    await device.popErrorScope(); // errors come in order
    await expect(chooser.run(options)).rejects.toMatchObject({ code: 'BACKEND' });
    expect(() => chooser.rewind(0)).toThrow(expect.objectContaining({ code: 'STATE' }));
    expect([...(await chooser.logits())]).toEqual(before);
    dispose();
  });
});

async function open(vocab: number, batch: number): Promise<{ decoder: Decoder<unknown>; dispose(): void }> {
  await startBackend({ device: 'webgpu' });
  const config = mamba.parseConfig({
    ...{
      model_type: 'mamba',
      vocab_size: vocab,
      hidden_size: 10,
      num_hidden_layers: 1,
      initializer_range: 0.3,
      state_size: 5,
      time_step_rank: 3,
    },
  });
  const params = mamba.init(config, 3);
  const packed = await packParams(mamba.spec(config), params, { weights: 'f32' });
  const decoder = (await mamba.decoder?.(config, { batch })?.(packed)) as Decoder<unknown>;
  return {
    decoder,
    dispose: () => {
      decoder.dispose();
      disposeTree([params, packed]);
    },
  };
}

const SAMPLERS: Record<string, GenerateOptions> = {
  greedy: {},
  'greedy with penalties': { repetitionPenalty: 1.2, frequencyPenalty: 0.3 },
  'the model’s own distribution': { temperature: 1 },
  'top-k': { temperature: 1.5, topK: 5 },
  'top-p': { temperature: 1.5, topP: 0.8 },
  'min-p': { temperature: 1.5, minP: 0.1 },
  'all of them': {
    temperature: 2,
    topK: 12,
    topP: 0.9,
    minP: 0.05,
    presencePenalty: 0.4,
    repetitionPenalty: 1.1,
    logitBias: { 3: 1.5, 4: -Infinity },
  },
  'what the host alone can do': { temperature: 1, noRepeatNgram: 2 },
};

describe.skipIf(missing)('texts on WebGPU', () => {
  /** Runs grow as on a device whose tokens take no time. */
  beforeEach(() => {
    vi.spyOn(performance, 'now').mockReturnValue(0);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(Object.entries(SAMPLERS))('are those of wasm with the same seed: %s', async (name, options) => {
    const prompts = [
      [1, 5, 2],
      [7, 3, 9, 4],
      [6, 6, 6],
    ];
    const textsOn = async (backend: string): Promise<readonly (readonly number[])[]> => {
      const { bundle, dispose, runs } = await textBundle(backend);
      const before = memory().numTensors;
      const alone = await generate(bundle, [1, 2], { ...options, maxTokens: 30, ...(options.temperature && { seed: 4 }) });
      const together = await generateBatch(bundle, prompts, {
        ...options,
        maxTokens: 30,
        eosIds: [11],
        ...(options.temperature && { seed: 4 }),
      });
      expect(memory().numTensors).toBe(before);
      if (backend === 'webgpu' && !options.noRepeatNgram) expect(runs.slice(0, 5)).toEqual([1, 2, 4, 8, 14]);
      else expect(runs).toEqual([]);
      dispose();
      return [alone, ...together].map(({ tokens }) => tokens);
    };
    const want = await textsOn('wasm');
    expect(await textsOn('webgpu'), name).toEqual(want);
  });

  it('leave a session as token by token does, wherever they end', async () => {
    const { bundle, plain, dispose, runs } = await textBundle('webgpu');
    const before = memory().numTensors;
    const drawing = { temperature: 1, topP: 0.9, presencePenalty: 0.2 };
    const run = async (model: ModelBundle): Promise<unknown[]> => {
      const all: unknown[] = [];
      const session = new Session(model, { seed: 3, historyLength: 6 });
      await session.append([1, 2, 3]);
      const hold = async (one = session): Promise<void> => void all.push(one.tokenCount, one.logits, await one.snapshot());
      const { tokens } = await session.generate({ ...drawing, maxTokens: 12 });
      all.push(tokens);
      await hold();
      const mark = session.mark();
      const next = await session.generate({ ...drawing, maxTokens: 12, seed: 8 });
      session.rewind(mark);
      const eos = next.tokens[6] as number; // inside of a run
      all.push(await session.generate({ ...drawing, maxTokens: 12, seed: 8, eosIds: [eos] }));
      await hold();
      for await (const { token } of session.stream({ maxTokens: 12 })) {
        all.push(token, session.logits);
        if (session.tokenCount % 5 !== 0) continue;
        const fork = session.fork();
        all.push((await fork.generate({ ...drawing, maxTokens: 5 })).tokens);
        await hold(fork);
        fork.dispose();
      }
      for await (const { token } of session.stream({ ...drawing, maxTokens: 12 })) if (all.push(token) % 7 === 0) break;
      await hold();
      const abort = new AbortController();
      for await (const { token, finishReason } of session.stream({ ...drawing, maxTokens: 12, signal: abort.signal })) {
        all.push(token, finishReason);
        if (session.tokenCount % 7 === 0) abort.abort();
      }
      await hold();
      await session.append([4]);
      all.push(await session.generate({ maxTokens: 3 }));
      await hold();
      session.dispose();
      return all;
    };
    const want = await run(plain);
    expect(runs).toEqual([]);
    expect(await run(bundle)).toEqual(want);
    expect(runs).toContain(4);
    expect(memory().numTensors).toBe(before);
    dispose();
  });
});

/** A small model with packed weights, how many tokens its decoders have chosen in each run, and the same without such choices. */
async function textBundle(backend: string): Promise<{ bundle: ModelBundle; plain: ModelBundle; runs: number[]; dispose(): void }> {
  await setBackend('wasm');
  const config = mamba.parseConfig({
    ...{
      model_type: 'mamba',
      vocab_size: 24,
      hidden_size: 10,
      num_hidden_layers: 2,
      initializer_range: 0.4,
      state_size: 5,
      time_step_rank: 3,
    },
  });
  const spec = mamba.spec(config);
  const made = mamba.init(config, 3);
  const values = new Map<string, Float32Array>();
  for (const [{ name }, leaf] of namedParams(spec, made)) values.set(name, (await leaf.data()) as Float32Array);
  disposeTree(made);
  await setBackend(backend);
  const own = buildParams(spec, ({ name, shape }) => tensor(values.get(name) as Float32Array, [...shape]) as Tensor);
  const params = await packParams(spec, own as typeof made, { weights: 'f32' });
  disposeTree(own);
  const runs: number[] = [];
  const modelWith = (wrap: (decoder: AnyDecoder) => AnyDecoder): AnyModel => ({
    ...mamba,
    decoder: (of, options) => {
      const make = mamba.decoder?.(of, options);
      return make && (async (some) => wrap((await make(some)) as AnyDecoder));
    },
  });
  const withoutChooser = (decoder: AnyDecoder): AnyDecoder => ({
    step: (ids) => decoder.step(ids),
    load: (state) => decoder.load(state),
    state: () => decoder.state(),
    loadRow: (row, state) => decoder.loadRow(row, state),
    stateOfRow: (row) => decoder.stateOfRow(row),
    copyRow: (from, to) => decoder.copyRow(from, to),
    dispose: () => decoder.dispose(),
  });
  const counted = (decoder: AnyDecoder): AnyDecoder => {
    const { chooser } = decoder;
    if (!chooser) return decoder;
    const run = chooser.run.bind(chooser);
    chooser.run = (options) => {
      runs.push(options.tokens);
      return run(options);
    };
    return decoder;
  };
  const of = (model: AnyModel): ModelBundle => ({ model, config, params });
  return { bundle: of(modelWith(counted)), plain: of(modelWith(withoutChooser)), runs, dispose: () => disposeTree(params) };
}

type AnyDecoder = Decoder<object>;
