import { crossEntropy } from '@densessm/kernels';
import { disposeTree, SsmError, tidyTree } from '@densessm/ssm-core';
import { argMax, reshape, type Tensor, type Tensor2D, type Tensor3D, tensor1d } from '@tensorflow/tfjs-core';
import type { ModelBundle } from '../bundle';
import { badOption, number } from '../options';
import { pause } from '../reading/pause';
import { readTokens } from '../reading/read';

export interface EvaluationOptions {
  /** Tokens per call of the model. Default 512. */
  promptChunk?: number;
  signal?: AbortSignal;
  /** Read before a text that has no context. Default: the tokenizer's bos, else its eos. */
  prefixToken?: number;
}

/** What the model thinks of some tokens at their places. */
export interface Scored {
  /** Natural logarithm of the probability of each. */
  readonly logprobs: readonly number[];
  /** Whether each is the one that the model finds most likely. */
  readonly areGreedy: readonly boolean[];
}

/**
 * Scores several continuations of one context, which is read once.
 * @throws SsmError TOKENS for an empty context or continuation and for ids outside the vocabulary
 */
export async function scoreContinuations(
  where: string,
  bundle: ModelBundle,
  context: readonly number[],
  continuations: readonly (readonly number[])[],
  options: EvaluationOptions,
): Promise<Scored[]> {
  const { signal } = options;
  const promptChunk = number(where, 'promptChunk', options.promptChunk, { fallback: 512, min: 1, whole: true });
  const last = context.at(-1);
  if (last === undefined || continuations.some(({ length }) => length === 0)) throw emptyText(where, last === undefined);
  const { state } = await readTokens(bundle, [context.slice(0, -1)], undefined, { promptChunk, signal });
  try {
    const scored: Scored[] = [];
    for (const tokens of continuations) scored.push(await scoreFrom(bundle, state, [last, ...tokens], { promptChunk, signal }));
    return scored;
  } finally {
    disposeTree(state);
  }
}

/** Scores all tokens but the first, from the state before the first. In chunks, of which only two numbers per token are kept. */
async function scoreFrom(
  bundle: ModelBundle,
  from: unknown,
  tokens: readonly number[],
  { promptChunk, signal }: { promptChunk: number; signal?: AbortSignal },
): Promise<Scored> {
  const logprobs: number[] = [];
  const areGreedy: boolean[] = [];
  let state = from;
  try {
    for (let start = 0; start + 1 < tokens.length; start += promptChunk) {
      signal?.throwIfAborted();
      const targets = tokens.slice(start + 1, start + 1 + promptChunk);
      const [losses, best, next] = scoreChunk(bundle, tokens.slice(start, start + targets.length), targets, state);
      if (state !== from) disposeTree(state);
      state = next;
      for (const loss of await losses.data()) logprobs.push(-loss);
      for (const [i, id] of (await best.data()).entries()) areGreedy.push(id === targets[i]);
      disposeTree([losses, best]);
      await pause();
    }
  } finally {
    if (state !== from) disposeTree(state);
  }
  return { logprobs, areGreedy };
}

/** Losses and most likely tokens at each of T places, [T] each, and the state after them. */
function scoreChunk(
  { model, params, config }: ModelBundle,
  ids: readonly number[],
  targets: readonly number[],
  state: unknown,
): [Tensor, Tensor, unknown] {
  return tidyTree(() => {
    const [logits, next] = model.advance(params, config, [ids], state) as [Tensor3D, unknown];
    const rows = reshape(logits, [ids.length, -1]) as Tensor2D;
    const losses = crossEntropy({ logits: rows, targets: tensor1d([...targets], 'int32') }, { reduction: 'none' });
    return [losses, argMax(rows, 1), next];
  });
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** @throws SsmError OPTION where neither the options nor the tokenizer have one. */
export function prefixTokenOf(where: string, { tokenizer }: ModelBundle, { prefixToken }: EvaluationOptions): number {
  const token = prefixToken ?? tokenizer?.specialIds?.bos ?? tokenizer?.specialIds?.eos;
  if (typeof token === 'number') return token;
  throw badOption(
    where,
    'prefixToken',
    'a token to read before a text without context',
    'none',
    'pass prefixToken: an id that begins or ends a text',
  );
}

const emptyText = (where: string, isContext: boolean): SsmError =>
  new SsmError({
    code: 'TOKENS',
    what: `${where}: the ${isContext ? 'context' : 'continuation'} is empty.`,
    expected: 'at least one token',
    got: 'none',
    mend: isContext ? 'pass a prefixToken in its place' : 'leave the continuation out: it has probability 1',
  });
