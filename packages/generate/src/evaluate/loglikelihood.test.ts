import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import { disposeTree } from '@densessm/ssm-core';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ModelBundle } from '../bundle';
import { pieceTokenizer, toyBundle } from '../test-support/toy-model';
import { loglikelihood, loglikelihoodRolling, rollingWindows } from './loglikelihood';

beforeAll(async () => {
  await setBackend('wasm');
});

const models: [string, () => ModelBundle][] = [
  ['a toy', () => toyBundle({ vocabSize: 12 })],
  ['mamba', () => bundleOf(mamba, { model_type: 'mamba', vocab_size: 12, hidden_size: 8, num_hidden_layers: 2, initializer_range: 0.5 })],
  [
    'retnet',
    () =>
      bundleOf(retnet, {
        ...{ vocab_size: 12, decoder_embed_dim: 8, decoder_value_embed_dim: 12, decoder_retention_heads: 2 },
        ...{ decoder_ffn_embed_dim: 10, decoder_layers: 2 },
      }),
  ],
];

function bundleOf(model: ModelBundle['model'], json: object): ModelBundle {
  const config = model.parseConfig(json);
  return { model, config, params: model.init(config, 3) };
}

/** log p of every token but the first, by definition: `forward`, then log softmax in float64. */
async function byForward(
  { model, params, config }: ModelBundle,
  tokens: readonly number[],
): Promise<{ logprobs: number[]; best: number[] }> {
  const logits = model.forward(params, config, [tokens]);
  const rows = ((await logits.array()) as number[][][])[0] as number[][];
  logits.dispose();
  const logprobs = tokens.slice(1).map((id, t) => {
    const row = rows[t] as number[];
    return (row[id] as number) - Math.log(row.reduce((total, logit) => total + Math.exp(logit), 0));
  });
  return { logprobs, best: rows.map((row) => row.indexOf(Math.max(...row))) };
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const TEXT = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];

describe.each(models)('log-likelihood under %s', (_, make) => {
  it('is the sum of forward’s log-probabilities, however the text is cut', async () => {
    const bundle = make();
    const before = memory().numTensors;
    const { logprobs, best } = await byForward(bundle, TEXT);
    for (const cut of [1, 4, 11]) {
      for (const promptChunk of [1, 3, 512]) {
        const { logprob, isGreedy } = await loglikelihood(bundle, TEXT.slice(0, cut), TEXT.slice(cut), { promptChunk });
        expect(logprob).toBeCloseTo(total(logprobs.slice(cut - 1)), 4);
        expect(isGreedy).toBe(TEXT.slice(cut).every((id, i) => best[cut - 1 + i] === id));
      }
      const greedy = best[cut - 1] as number;
      expect((await loglikelihood(bundle, TEXT.slice(0, cut), [greedy])).isGreedy).toBe(true);
      expect((await loglikelihood(bundle, TEXT.slice(0, cut), [(greedy + 1) % 12])).isGreedy).toBe(false);
    }
    expect(memory().numTensors).toBe(before);
    disposeTree(bundle.params);
  });

  it('of a whole text starts at the prefix token, in windows or in one', async () => {
    const bundle = make();
    const options = { prefixToken: 7 };
    const whole = await loglikelihoodRolling(bundle, TEXT, { ...options, promptChunk: 5 });
    expect(whole).toMatchObject({ tokens: 12, windows: 1 });
    expect(whole.logprob).toBeCloseTo(total((await byForward(bundle, [7, ...TEXT])).logprobs), 4);
    const rolled = await loglikelihoodRolling(bundle, TEXT, { ...options, windowLength: 5, contextLength: 2 });
    let want = 0;
    for (const { context, continuation } of rollingWindows(TEXT, 7, { windowLength: 5, contextLength: 2 }))
      want += total((await byForward(bundle, [...context, ...continuation])).logprobs.slice(context.length - 1));
    expect(rolled.logprob).toBeCloseTo(want, 4);
    expect(rolled.windows).toBe(3);
    disposeTree(bundle.params);
  });
});

describe('rolling windows', () => {
  it('are those of lm-evaluation-harness', () => {
    // get_rolling_token_windows(range(10), prefix 100, max_seq_len 4, context_len 2), then make_disjoint_window
    expect(rollingWindows([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 100, { windowLength: 4, contextLength: 2 })).toEqual([
      { context: [100], continuation: [0, 1, 2, 3] },
      { context: [2, 3], continuation: [4, 5, 6] },
      { context: [5, 6], continuation: [7, 8, 9] },
    ]);
    // the last window reaches back where it is short: max_seq_len 4, context_len 1
    expect(rollingWindows([0, 1, 2, 3, 4, 5], 100, { windowLength: 4 })).toEqual([
      { context: [100], continuation: [0, 1, 2, 3] },
      { context: [1, 2, 3], continuation: [4, 5] },
    ]);
  });

  it('score every token once, with the tokens right before it, within the length', () => {
    const sizes = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }));
    fc.assert(
      fc.property(sizes, ([length, windowLength, wanted]) => {
        const contextLength = Math.min(wanted, windowLength);
        const tokens = Array.from({ length }, (_, i) => i);
        const windows = rollingWindows(tokens, -1, { windowLength, contextLength });
        expect(windows.flatMap(({ continuation }) => continuation)).toEqual(tokens);
        for (const { context, continuation } of windows) {
          const all = [...context, ...continuation];
          expect(all).toEqual(Array.from({ length: all.length }, (_, i) => (all[0] as number) + i));
          expect(all.length - 1).toBeLessThanOrEqual(windowLength);
          if (context[0] !== -1) expect(context.length).toBeGreaterThanOrEqual(contextLength);
        }
      }),
    );
  });
});

describe('text', () => {
  const tokenizer = { ...pieceTokenizer([' ', 'a', 'b', ' b', '  '], 4), specialIds: { bos: null, eos: 4 } };

  it('is encoded as one and cut where the context ends, its last spaces counted to the continuation', async () => {
    const bundle = toyBundle({ vocabSize: 5, tokenizer });
    const direct = await loglikelihood(bundle, [1], [3]);
    expect(await loglikelihood(bundle, 'a', ' b')).toEqual(direct);
    expect(await loglikelihood(bundle, 'a ', 'b')).toEqual(direct);
    expect(await loglikelihood(bundle, '', 'ab')).toEqual(await loglikelihood(bundle, [4], [1, 2]));
    expect(await loglikelihood(bundle, [], [1, 2])).toEqual(await loglikelihood(bundle, [4], [1, 2]));
    disposeTree(bundle.params);
  });

  it('is scored after the context’s own ids, as lm-evaluation-harness does, and alone where a token spans both', async () => {
    // tok_encode('ab') = [1, 2]; tok_encode('abc') = [5], tok_encode('abcc') = [5, 3]: one token for what the context has two
    const joined = { ...pieceTokenizer(['a b', 'a', 'b', 'c', ' ', 'abc'], 4), specialIds: { bos: null, eos: 4 } };
    const bundle = toyBundle({ vocabSize: 6, tokenizer: joined });
    const ids = (context: number[], continuation: number[]) => loglikelihood(bundle, context, continuation);
    expect(await loglikelihood(bundle, 'ab', 'c')).toEqual({ ...(await ids([1, 2], [3])), encodedAlone: true });
    expect(await loglikelihood(bundle, 'ab', 'cc')).toEqual({ ...(await ids([1, 2], [3, 3])), encodedAlone: true });
    expect(await loglikelihood(bundle, 'ab', 'ccc')).toEqual({ ...(await ids([1, 2], [3])), encodedAlone: false });
    expect(await loglikelihood(bundle, 'a ', 'b')).toEqual({ ...(await ids([1], [4, 2])), encodedAlone: true });
    disposeTree(bundle.params);
  });

  it('without tokens, a tokenizer or a prefix is refused', async () => {
    const bundle = toyBundle({ vocabSize: 5, tokenizer });
    const mute = { ...bundle, tokenizer: undefined };
    const refused = async (result: Promise<unknown>, code: string) => expect(result).rejects.toMatchObject({ name: 'SsmError', code });
    await refused(loglikelihood(bundle, 'a', ''), 'TOKENS');
    await refused(loglikelihood(bundle, 'a', [1]), 'OPTION');
    const pairs = [['a', 'b']] as unknown as string; // as other libraries take them
    await refused(loglikelihood(bundle, pairs, undefined as unknown as string), 'OPTION');
    await refused(loglikelihood(mute, 'a', 'b'), 'OPTION');
    await refused(loglikelihood(mute, [], [1]), 'OPTION');
    await refused(loglikelihood(mute, [1], [99]), 'TOKENS');
    await refused(loglikelihood(mute, [1], [2], { promptChunk: 0 }), 'OPTION');
    await refused(loglikelihoodRolling(bundle, ''), 'TOKENS');
    await refused(loglikelihoodRolling(bundle, 'ab', { windowLength: 2, contextLength: 3 }), 'OPTION');
    await refused(loglikelihoodRolling(bundle, 'ab', { windowLength: 0 }), 'OPTION');
    await expect(loglikelihood(bundle, [1], [2], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    disposeTree(bundle.params);
  });
});
