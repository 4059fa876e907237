import { crossEntropy } from '@densessm/kernels';
import { disposeTree, SsmError } from '@densessm/ssm-core';
import { argMax, reshape, type Tensor1D, type Tensor2D, tensor1d } from '@tensorflow/tfjs-core';
import type { ModelBundle } from '../bundle';
import { badOption } from '../option-error';
import { number } from '../options';
import { mostTokens } from '../reading/most-tokens';
import { pause } from '../reading/pause';
import { readTokens } from '../reading/read';
import { type PieceEnding, type ReadPiece, readPiece } from '../reading/read-piece';
import { selectRows } from '../reading/rows';
import { batchesOf } from './batches';

export interface EvaluationOptions {
  /** Tokens per call of the model, over all rows of a batch. Default 512. */
  promptChunk?: number;
  /** Most texts that are read at once; 1 reads each by itself. Default 16. */
  batchSize?: number;
  signal?: AbortSignal;
  /** Read before a text that has no context. Default: the tokenizer's bos, else its eos. */
  prefixToken?: number;
}

/** Options that were checked. */
export interface ScorePlan {
  readonly promptChunk: number;
  readonly batchSize: number;
  readonly signal?: AbortSignal;
}

/** Tokens to score after tokens that are read. */
export interface ScoreRequest {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** What the model thinks of some tokens at their places. */
export interface Scored {
  /** Natural logarithm of the probability of each. */
  readonly logprobs: readonly number[];
  /** Whether each is the one that the model finds most likely. */
  readonly areGreedy: readonly boolean[];
}

/** A text from the state's place on; its first `unscored` tokens after the first are only read. */
interface Row {
  readonly ids: readonly number[];
  readonly unscored: number;
}

/** The targets of places that are not scored. */
const UNSCORED = -100;

/** @throws SsmError OPTION */
export const planScoring = (where: string, { promptChunk, batchSize, signal }: EvaluationOptions): ScorePlan => ({
  promptChunk: number(where, 'promptChunk', promptChunk, { fallback: 512, min: 1, whole: true }),
  batchSize: number(where, 'batchSize', batchSize, { fallback: 16, min: 1, whole: true }),
  signal,
});

/**
 * Scores continuations, each after its own context, in batches of similar length. Rows are padded behind their ends: what a
 * causal model says before does not depend on it. Neither contexts nor continuations are empty.
 * @throws SsmError TOKENS for ids outside the vocabulary
 */
export async function scoreRequests(bundle: ModelBundle, requests: readonly ScoreRequest[], plan: ScorePlan): Promise<Scored[]> {
  const rows = requests.map(({ context, continuation }) => ({ ids: [...context, ...continuation], unscored: context.length - 1 }));
  return inBatches(rows, plan, async (batch) => {
    const shared = Math.min(...batch.map(({ unscored }) => unscored)); // read without the head
    const beginnings = batch.map(({ ids }) => ids.slice(0, shared));
    const { state } = await readTokens(bundle, beginnings, undefined, plan);
    const rest = batch.map(({ ids, unscored }) => ({ ids: ids.slice(shared), unscored: unscored - shared }));
    return scoreFrom(bundle, state, rest, plan);
  });
}

/**
 * Scores several continuations of one context, which is read once.
 * @throws SsmError as {@link scoreRequests}
 */
export async function scoreContinuations(
  bundle: ModelBundle,
  context: readonly number[],
  continuations: readonly (readonly number[])[],
  plan: ScorePlan,
): Promise<Scored[]> {
  const { state } = await readTokens(bundle, [context.slice(0, -1)], undefined, plan);
  const rows = continuations.map((ids) => ({ ids: [...context.slice(-1), ...ids], unscored: 0 }));
  try {
    const copies = (batch: readonly Row[]) => selectRows(state, Array<number>(batch.length).fill(0));
    return await inBatches(rows, plan, (batch) => scoreFrom(bundle, copies(batch), batch, plan));
  } finally {
    disposeTree(state);
  }
}

/** Results in the order of the rows. */
async function inBatches(
  rows: readonly Row[],
  { batchSize }: ScorePlan,
  score: (batch: readonly Row[]) => Promise<Scored[]>,
): Promise<Scored[]> {
  const results: Scored[] = [];
  const lengths = rows.map(({ ids }) => ids.length);
  for (const batch of batchesOf(lengths, batchSize)) {
    const scored = await score(batch.map((row) => rows[row] as Row));
    for (const [i, row] of batch.entries()) results[row] = scored[i] as Scored;
  }
  return results;
}

/**
 * Scores rows from a state before their first tokens, which is taken over. In chunks, of which only two numbers per token are kept.
 */
async function scoreFrom(bundle: ModelBundle, from: unknown, rows: readonly Row[], plan: ScorePlan): Promise<Scored[]> {
  const results = rows.map(() => ({ logprobs: [] as number[], areGreedy: [] as boolean[] }));
  const length = Math.max(...rows.map(({ ids }) => ids.length)) - 1;
  const places = mostTokens(bundle, { state: from, rows: rows.length, logits: 'all', wanted: plan.promptChunk });
  const step = Math.max(1, Math.floor(places / rows.length));
  let state = from;
  try {
    for (let start = 0; start < length; start += step) {
      plan.signal?.throwIfAborted();
      const count = Math.min(step, length - start);
      const targets = rows.flatMap((row) => targetsOf(row, start, count));
      const { outputs, state: next } = scorePiece(bundle, inputsOf(rows, start, count), targets, state);
      disposeTree(state);
      state = next;
      const [loss, chosen] = (await Promise.all(outputs.map((one) => one.data()))) as [Float32Array, Int32Array];
      disposeTree(outputs);
      for (const [i, target] of targets.entries()) {
        if (target === UNSCORED) continue;
        const result = results[Math.floor(i / count)];
        result?.logprobs.push(-(loss[i] as number));
        result?.areGreedy.push(chosen[i] === target);
      }
      await pause();
    }
  } finally {
    disposeTree(state);
  }
  return results;
}

/** What is read at each place, and behind the end of a row its first token, which is one of the vocabulary. */
const inputsOf = (rows: readonly Row[], start: number, count: number): number[][] =>
  rows.map(({ ids }) => Array.from({ length: count }, (_, i) => ids[start + i] ?? (ids[0] as number)));

const targetsOf = ({ ids, unscored }: Row, start: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (start + i < unscored ? UNSCORED : (ids[start + i + 1] ?? UNSCORED)));

/** Losses and most likely tokens at each of B·T places, [B T] each, of the targets there. */
const SCORES: PieceEnding = {
  logits: 'all',
  make: (logits, others) => {
    const [targets] = others as [Tensor1D];
    const rows: Tensor2D = reshape(logits, [targets.size, -1]);
    return [crossEntropy({ logits: rows, targets }, { reduction: 'none', ignoreIndex: UNSCORED }), argMax(rows, 1)];
  },
};

function scorePiece(bundle: ModelBundle, ids: readonly (readonly number[])[], targets: readonly number[], state: unknown): ReadPiece {
  const places = tensor1d([...targets], 'int32');
  try {
    return readPiece(bundle, { ids, state, ending: SCORES, others: [places] });
  } finally {
    places.dispose();
  }
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

/** @throws SsmError TOKENS where there are none */
export function requireTokens(where: string, what: string, ids: readonly number[]): readonly number[] {
  if (ids.length > 0) return ids;
  throw new SsmError({
    code: 'TOKENS',
    what: `${where}: the ${what} is empty.`,
    expected: 'at least one token to score',
    got: 'none',
    fix: `leave it out, or give a ${what} of which the tokenizer makes a token`,
  });
}
