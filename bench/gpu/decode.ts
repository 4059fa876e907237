import { packParams } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { denseRetNet } from '@densessm/retnet';
import { type AnyModel, type ChoiceRules, type Decoder, disposeTree, WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';

export interface Decoded {
  name: string;
  weights: WeightType;
  batch: number;
  /** Tokens per second of each text where each token is waited for, in the fastest and the median round. */
  best: number;
  median: number;
  /** The same where tokens are submitted without waiting for the logits of those before: without the way back to the host. */
  unwaited: number;
  /** The same where the decoder chooses the tokens itself and reads up to 16 of them before the host hears of any: the most likely ones, and drawn ones. */
  generated: number;
  drawn: number;
  /** As `generated`, with the logits after each token on the host, as sessions have them. */
  seen: number;
}

interface Measured {
  name: string;
  model: AnyModel;
  json: object;
  batches: readonly number[];
}

const [SEED, WARM_UP, ROUNDS] = [1, 20, 7];

/** Sizes of state-spaces/mamba-130m-hf and of the authors' DenseRetNet-350M, or of few layers for a trial. */
const measured = (layers: number | undefined): Measured[] => [
  {
    name: 'Mamba-130M',
    model: mamba,
    json: { model_type: 'mamba', vocab_size: 50280, hidden_size: 768, num_hidden_layers: layers ?? 24, tie_word_embeddings: true },
    batches: [1],
  },
  {
    name: 'DenseRetNet-350M',
    model: denseRetNet,
    json: {
      ...{ model_type: 'llama', vocab_size: 32_000, hidden_size: 1536, query_key_dim: 768, num_attention_heads: 2 },
      ...{ num_hidden_layers: layers ?? 16, v_factor: 2, dense_block_layers: 1 },
    },
    batches: [1, 6],
  },
];

export interface DecodingOptions {
  tokens: number;
  layers?: number;
  types?: readonly string[];
}

/** Times decoders with weights of each type, and compares the first logits in float32 with those of `advance`. */
export async function runDecoding(say: (line: string) => void, { tokens, layers, types }: DecodingOptions): Promise<Decoded[]> {
  const all: Decoded[] = [];
  for (const { name, model, json, batches } of measured(layers)) {
    const start = performance.now();
    const config = model.parseConfig(json);
    const params = model.init(config, SEED);
    say(`${name}: random weights in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    for (const weights of WEIGHT_TYPES.filter((type) => types?.includes(type) ?? true)) {
      const packing = performance.now();
      const packed = await packParams(model.spec(config), params, { weights });
      say(`  packed as ${weights} in ${((performance.now() - packing) / 1000).toFixed(1)} s`);
      for (const batch of batches) {
        const decoder = (await model.decoder?.(config, { batch })?.(packed)) as Decoder<unknown>;
        if (weights === 'f32')
          say(`  off from advance by ${(await difference(model, config, params, decoder, batch)).toExponential(1)} of its RMS`);
        const one = { name, weights, batch, ...(await timeOf(decoder, batch, tokens)) };
        decoder.dispose();
        all.push(one);
        const figures = `${one.best.toFixed(0)} tokens/s a text, median ${one.median.toFixed(0)}, unwaited ${one.unwaited.toFixed(0)}`;
        const ofRuns = `generated ${one.generated.toFixed(0)}, drawn ${one.drawn.toFixed(0)}, with logits ${one.seen.toFixed(0)}`;
        say(`${name}, ${weights}, batch ${batch}: ${figures}; ${ofRuns}`);
      }
      disposeTree(packed);
    }
    disposeTree(params);
  }
  return all;
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

type Rates = Pick<Decoded, 'best' | 'median' | 'unwaited' | 'generated' | 'drawn' | 'seen'>;

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
    ...{ best: each[0] as number, median: each[ROUNDS >> 1] as number, unwaited: together[0] as number },
    ...{ generated: await best(LARGEST, batch, tokens), drawn: await best(DRAWN, batch, tokens) },
    seen: await best(LARGEST, batch, tokens, true),
  };
}
