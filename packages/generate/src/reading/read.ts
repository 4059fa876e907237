import { disposeTree } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { ModelBundle } from '../bundle';
import { mostTokens } from './most-tokens';
import { pause } from './pause';
import { LAST_LOGITS, readPiece } from './read-piece';

export interface Reading {
  /** After all tokens; the caller's to dispose of. */
  readonly state: unknown;
  /** What the model expects next, for each row. [B][V] */
  readonly logits: readonly Float32Array[];
}

export interface PrefillOptions {
  /** Tokens per call of the model, over all rows. */
  readonly promptChunk: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads rows of one length, from a state that stays valid, or from the beginning. The text goes through `advance` in chunks, and
 * only the last logits of a chunk are kept, so the memory needed does not depend on the length. Throws the reason of an abort.
 */
export async function readTokens(
  bundle: ModelBundle,
  rows: readonly (readonly number[])[],
  from: unknown,
  { promptChunk, signal }: PrefillOptions,
): Promise<Reading> {
  const { model, config } = bundle;
  const length = rows[0]?.length ?? 0;
  let state = from ?? model.initialState(config, rows.length);
  const places = mostTokens(bundle, { state, rows: rows.length, logits: 'last', wanted: promptChunk });
  const step = Math.max(1, Math.floor(places / rows.length));
  let logits = Promise.resolve<readonly Float32Array[]>([]);
  try {
    for (let start = 0; start < length; start += step) {
      signal?.throwIfAborted();
      const ids = rows.map((row) => row.slice(start, start + step));
      const read = readPiece(bundle, { ids, state, ending: LAST_LOGITS });
      if (state !== from) disposeTree(state);
      state = read.state;
      const before = logits;
      logits = rowsOnHost(read.outputs[0] as Tensor);
      logits.catch(() => undefined); // what fails here is told when it is waited for
      await before; // a device reads one piece while the host prepares the next
      await pause();
    }
    signal?.throwIfAborted();
    return { state, logits: await logits };
  } catch (error) {
    if (state !== from) disposeTree(state);
    throw error;
  }
}

/** Logits [B, 1, V], which it frees. */
async function rowsOnHost(logits: Tensor): Promise<Float32Array[]> {
  const [batch, , vocab] = logits.shape as [number, number, number];
  try {
    const values = (await logits.data()) as Float32Array;
    return Array.from({ length: batch }, (_, row) => values.slice(row * vocab, (row + 1) * vocab));
  } finally {
    logits.dispose();
  }
}
