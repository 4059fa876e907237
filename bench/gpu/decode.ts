import { packParams } from '@densessm/kernels';
import { type AnyModel, type ChoiceRules, type Decoder, disposeTree, WEIGHT_TYPES } from '@densessm/ssm-core';
import type { Figure } from '../lib/measured';
import { denseRetNet350m, type Model, mamba130m, weightsOf } from './models';

const [WARM_UP, ROUNDS] = [20, 7];

/** Models, and how many texts at a time. */
const measured = (layers: number | undefined): [model: Model, batches: readonly number[]][] => {
  const sizes = { layers, shrink: 1 };
  return [
    [mamba130m(sizes), [1]],
    [mamba130m(sizes, 1), [1]],
    [denseRetNet350m(sizes), [1, 6]],
    [denseRetNet350m(sizes, 0), [1, 6]],
  ];
};

export interface DecodingOptions {
  tokens: number;
  layers?: number;
  types?: readonly string[];
  only: RegExp;
}

/**
 * Times decoders with weights of each type. A figure: tokens per second of each text where each
 * token is waited for, in the fastest (`rate`) and the median round; `unwaited`, where tokens are submitted without the way back to the host; `generated`, where the decoder
 * chooses the most likely tokens itself and reads up to 16 of them before the host hears of any, `drawn`, where it draws them, and `seen`, as `generated` with the logits
 * after each token on the host, as sessions have them; of DenseRetNet-350M in f32 `early` and `late`, its second and its tenth thousand of tokens; of f32 also how far the first logits are `off` from those of `advance`, as a part of their root mean square.
 */
export async function runDecoding(
  say: (line: string) => void,
  keep: (figure: Figure) => void,
  { tokens, layers, types, only }: DecodingOptions,
): Promise<void> {
  for (const [one, batches] of measured(layers)) {
    const { name, model, json } = one;
    if (!only.test(name)) continue;
    const start = performance.now();
    const config = model.parseConfig(json);
    const params = await weightsOf(one);
    say(`${name}: random weights in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    for (const weights of WEIGHT_TYPES.filter((type) => types?.includes(type) ?? true)) {
      const packing = performance.now();
      const packed = await packParams(model.spec(config), params, { weights });
      say(`  packed as ${weights} in ${((performance.now() - packing) / 1000).toFixed(1)} s`);
      for (const batch of batches) {
        const decoder = (await model.decoder?.(config, { batch })?.(packed)) as Decoder<unknown>;
        const off = weights === 'f32' ? await difference(model, config, params, decoder, batch) : undefined;
        if (off !== undefined) say(`  off from advance by ${off.toExponential(1)} of its RMS`);
        const rates = await timeOf(decoder, batch, tokens);
        const flat = weights === 'f32' && name === 'DenseRetNet-350M' ? await alongText(decoder, batch) : undefined;
        if (flat) say(`  ${flat.early.toFixed(0)} tokens/s from 1,000 to 2,000, ${flat.late.toFixed(0)} from 9,000 to 10,000`);
        decoder.dispose();
        keep({ part: 'decode', name, dtype: weights, batch, off, ...rates, ...flat });
        const figures = `${rates.rate.toFixed(0)} tokens/s a text, median ${rates.median.toFixed(0)}, unwaited ${rates.unwaited.toFixed(0)}`;
        const ofRuns = `generated ${rates.generated.toFixed(0)}, drawn ${rates.drawn.toFixed(0)}, with logits ${rates.seen.toFixed(0)}`;
        say(`${name}, ${weights}, batch ${batch}: ${figures}; ${ofRuns}`);
      }
      disposeTree(packed);
    }
    disposeTree(params);
  }
}

const idsOf = (batch: number, token: number): number[] => Array.from({ length: batch }, (_, row) => (7919 * token + 31 * row) % 32_000);

/** The largest difference of the logits of the first token. */
async function difference(model: AnyModel, config: unknown, params: object, decoder: Decoder<unknown>, batch: number): Promise<number> {
  const ids = idsOf(batch, 1);
  const state = model.initialState(config, batch);
  const [logits, next] = model.advance(
    params,
    config,
    ids.map((id) => [id]),
    state,
  );
  const want = (await logits.data()) as Float32Array;
  const got = await decoder.step(ids);
  let [largest, squares] = [0, 0];
  for (const [i, value] of want.entries()) {
    largest = Math.max(largest, Math.abs(value - (got[i] as number)));
    squares += value * value;
  }
  disposeTree([logits, next, state]);
  return largest / Math.sqrt(squares / want.length);
}

/** Tokens per second of each text, not waited for, of its second thousand of tokens and of its tenth, whatever was read before. */
async function alongText(decoder: Decoder<unknown>, batch: number): Promise<Record<'early' | 'late', number>> {
  const rates: number[] = [];
  for (let thousand = 0; thousand < 10; thousand++) {
    const start = performance.now();
    await Promise.all(Array.from({ length: 1000 }, (_, t) => decoder.step(idsOf(batch, t))));
    rates.push(1e6 / (performance.now() - start));
  }
  return { early: rates[1] as number, late: rates[9] as number };
}

type Rates = Record<'rate' | 'median' | 'unwaited' | 'generated' | 'drawn' | 'seen', number>;

const LARGEST: ChoiceRules = {
  ...{ logitBias: new Map(), repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0 },
};
/** As many dispatches as a choice can take. */
const DRAWN: ChoiceRules = { ...LARGEST, temperature: 0.8, topK: 40, topP: 0.95 };

/** Reads tokens in runs as long as the decoder takes them. */
async function generate({ chooser }: Decoder<unknown>, rules: ChoiceRules, batch: number, tokens: number, logits = false): Promise<void> {
  if (!chooser || !(await chooser.ready())) throw new Error('the decoder does not choose tokens here');
  for (let t = 0; t < tokens; t += chooser.mostTokens) {
    const size = Math.min(chooser.mostTokens, tokens - t);
    const randoms = Array.from({ length: batch }, (_, row) => Array.from({ length: size }, (_, i) => ((t + i + row) * 0.618) % 1));
    await chooser.run({ tokens: size, rules, histories: [], randoms, logits });
  }
}

async function timeOf(decoder: Decoder<unknown>, batch: number, tokens: number): Promise<Rates> {
  const waited = async (): Promise<void> => {
    for (let t = 0; t < tokens; t++) await decoder.step(idsOf(batch, t));
  };
  const unwaited = async (): Promise<void> => {
    await Promise.all(Array.from({ length: tokens }, (_, t) => decoder.step(idsOf(batch, t))));
  };
  for (let t = 0; t < WARM_UP; t++) await decoder.step(idsOf(batch, t));
  const rates = async (round: () => Promise<void>): Promise<number[]> => {
    const found: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const start = performance.now();
      await round();
      found.push((1000 * tokens) / (performance.now() - start));
    }
    return found.sort((a, b) => b - a);
  };
  const [each, together] = [await rates(waited), await rates(unwaited)];
  const best = async (...given: [rules: ChoiceRules, batch: number, tokens: number, logits?: boolean]): Promise<number> => {
    await generate(decoder, ...given); // compiles
    return (await rates(() => generate(decoder, ...given)))[0] as number;
  };
  return {
    ...{ rate: each[0] as number, median: each[ROUNDS >> 1] as number, unwaited: together[0] as number },
    ...{ generated: await best(LARGEST, batch, tokens), drawn: await best(DRAWN, batch, tokens) },
    seen: await best(LARGEST, batch, tokens, true),
  };
}
