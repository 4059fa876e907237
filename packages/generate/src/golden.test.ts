import { readFileSync } from 'node:fs';
import { paramsFromTensors, parseConfigText, parseSafetensors, readTensors } from '@densessm/checkpoint';
import { mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { disposeTree, modelFor, registerModel } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { beamSearch } from './beam-search';
import type { ModelBundle } from './bundle';
import { generate, generateBatch } from './generate';
import { planGeneration } from './options';
import { applyCuts, applyPreferences, type SamplingPlan } from './samplers/sample-token';
import { keepMinP, keepTopK, keepTopP } from './samplers/truncation';
import { Session } from './session/session';
import { TokenHistory } from './token-history';

const root = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root));

beforeAll(async () => {
  for (const model of [mamba, mamba2, retnet, denseRetNet]) registerModel(model);
  await setBackend('wasm');
});

async function load(folder: string): Promise<ModelBundle> {
  const json = parseConfigText(read(`fixtures/${folder}/config.json`).toString());
  const model = modelFor(json);
  const config = model.parseConfig(json) as object;
  const path = `fixtures/${folder}/model.safetensors`;
  return {
    model,
    config,
    params: (await paramsFromTensors(model.spec(config), readTensors(parseSafetensors(read(path), path)))) as object,
  };
}

describe.each(['mamba_tied', 'mamba2_g1', 'retnet_gelu_h2', 'dense_retnet_m1_h2'])('%s', (folder) => {
  it.each(['cpu', 'wasm'])(
    'continues its prompts greedily as the reference does: alone, in a batch, in a session, on %s',
    async (backend) => {
      await setBackend(backend);
      const bundle = await load(folder);
      const { prompt, tokens } = JSON.parse(read(`fixtures/${folder}/expected.json`).toString()).generation;
      const options = { maxTokens: tokens[0].length };
      const batch = await generateBatch(bundle, [...prompt, prompt[0].slice(0, 2)], options);
      expect(batch.slice(0, 2).map((result) => result.tokens)).toEqual(tokens);
      expect((await generate(bundle, prompt[1], { ...options, promptChunk: 2 })).tokens).toEqual(tokens[1]);
      const session = new Session(bundle);
      for (const id of prompt[0]) await session.append([id]);
      expect((await session.generate(options)).tokens).toEqual(tokens[0]);
      session.dispose();
      disposeTree(bundle.params);
    },
  );
});

it('draws the same from a seed on every backend', async () => {
  const texts: (readonly number[])[] = [];
  for (const backend of ['cpu', 'wasm']) {
    await setBackend(backend);
    const bundle = await load('mamba_tied');
    texts.push((await generate(bundle, [5, 1, 8], { temperature: 1, topP: 0.95, seed: 5, maxTokens: 20 })).tokens);
    disposeTree(bundle.params);
  }
  expect(texts[0]?.length).toBe(20);
  expect(texts[1]).toEqual(texts[0]);
});

interface Search {
  options: {
    num_beams: number;
    length_penalty: number;
    early_stopping: boolean | 'never';
    eos: number[];
    repetition_penalty?: number;
    no_repeat_ngram_size?: number;
  };
  beams: { tokens: number[]; score: number }[];
}
const golden = JSON.parse(read('packages/generate/golden/golden.json').toString()) as {
  prompt: number[];
  searches: Search[];
  processors: { history: number[]; logits: number[]; alone: Record<string, (number | null)[]>; all: (number | null)[] };
};

describe('beam search', () => {
  it.each(golden.searches.map((search) => [JSON.stringify(search.options), search] as const))(
    'finds what transformers finds: %s',
    async (_, { options, beams }) => {
      const bundle = await load('mamba_tied');
      const some = {
        ...{ numBeams: options.num_beams, lengthPenalty: options.length_penalty, earlyStopping: options.early_stopping },
        ...{ repetitionPenalty: options.repetition_penalty, noRepeatNgram: options.no_repeat_ngram_size },
        ...{ eosIds: options.eos, maxTokens: 12 },
      };
      const found = await beamSearch(bundle, golden.prompt, planGeneration('test', bundle, some));
      expect(found.beams.map(({ tokens }) => tokens)).toEqual(beams.map(({ tokens }) => tokens));
      for (const [i, { score }] of beams.entries()) expect((found.beams[i]?.score ?? 0) / score).toBeCloseTo(1, 4);
      const best = await generate(bundle, golden.prompt, some);
      expect(best.tokens).toEqual(beams[0]?.tokens);
      expect(best.finishReason).toBe(options.eos.includes(best.tokens.at(-1) as number) ? 'eos' : 'length');
      disposeTree(bundle.params);
    },
  );
});

describe('samplers', () => {
  const { history, logits, alone, all } = golden.processors;
  const neutral: SamplingPlan = {
    ...{ logitBias: new Map(), repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0, noRepeatNgram: 0 },
    ...{ temperature: 1, topK: 0, topP: 1, minP: 0 },
  };
  const values: Partial<SamplingPlan> = {
    ...{ logitBias: new Map([[2, 3]]), repetitionPenalty: 1.5, noRepeatNgram: 2 },
    ...{ temperature: 0.7, topK: 5, topP: 0.8, minP: 0.2 },
  };
  const processed = (plan: SamplingPlan): (number | null)[] => {
    const before = new TokenHistory();
    before.give(history);
    const row = applyCuts(applyPreferences(Float32Array.from(logits), before, plan), plan);
    return Array.from(row, (logit) => (logit === -Infinity ? null : logit));
  };
  const expectSame = (got: (number | null)[], want: (number | null)[]): void => {
    expect(got.map((logit) => logit === null)).toEqual(want.map((logit) => logit === null));
    for (const [id, logit] of want.entries()) if (logit !== null) expect(got[id]).toBeCloseTo(logit, 6);
  };

  it.each(Object.keys(alone))('give what transformers gives: %s', (name) => {
    expectSame(processed({ ...neutral, [name]: values[name as keyof SamplingPlan] }), alone[name] ?? []);
  });

  it('give the same in the same order, and not in another', () => {
    expectSame(processed({ ...neutral, ...values }), all);
    const otherwise = Float32Array.from(logits);
    for (const cut of [() => keepTopK(otherwise, 5), () => keepTopP(otherwise, 0.8), () => keepMinP(otherwise, 0.2)]) cut();
    expect(Array.from(otherwise, (logit) => logit === -Infinity)).not.toEqual(all.map((logit) => logit === null));
  });
});
