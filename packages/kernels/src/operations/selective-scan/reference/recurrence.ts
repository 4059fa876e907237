import { add, clone, concat, dispose, mul, slice, type Tensor, tidy, zerosLike } from '@tensorflow/tfjs-core';

/**
 * The first-order linear recurrence s_t = a_t s_(t−1) + b_t, elementwise: Mamba, arXiv:2312.00752, eq. 2a after
 * discretization (eq. 4), which its Alg. 2 evaluates as a scan. tfjs has no scan, so time is cut in two levels: T = K chunks
 * of L ≈ √T positions, and position i of all K chunks is one operation on [K, ...].
 *   1. run every chunk from zero: its end e_k                                         L operations
 *   2. carry across chunks: s_k = P_k s_(k−1) + e_k, P_k = Π a_t over chunk k         K operations of one chunk's width
 *   3. run every chunk again from its own start                                       L operations
 * Step 3 is the recurrence itself and not a correction by running products, so rounding errors die out as they do in the
 * sequential form; a product P_k that underflows to zero is right.
 */
export interface Recurrence {
  /** Positions in the order in which they run. */
  readonly positions: readonly number[];
  /** s after position i of every chunk from s before it, [K, ...] → [K, ...]; affine in s with slope a_i. */
  readonly advance: (i: number, state: Tensor) => Tensor;
}

/** Runs all chunks side by side from `start` [K, ...]. `visit` is shown each position's state, which is freed later on. */
export function runChunks({ positions, advance }: Recurrence, start: Tensor, visit?: (i: number, state: Tensor) => void): void {
  let state = clone(start);
  for (const i of positions) {
    const next = tidy(() => advance(i, state));
    dispose(state);
    state = next;
    visit?.(i, state);
  }
  dispose(state);
}

/**
 * Steps 1 and 2: the state before each chunk [K, ...], and the one after the last [1, ...]. `total` [K, ...] is Π a of each
 * chunk, `first` [1, ...] the state before all; `reversed` carries from the last chunk to the first.
 */
export function chunkStarts(recurrence: Recurrence, total: Tensor, first: Tensor, reversed = false): [documentStarts: Tensor, end: Tensor] {
  return tidy(() => {
    let ends = first;
    const last = recurrence.positions.at(-1);
    runChunks(recurrence, zerosLike(total), (i, state) => {
      if (i === last) ends = clone(state);
    });
    const chunks = total.shape[0] as number;
    const documentStarts: Tensor[] = [];
    let state = first;
    for (let n = 0; n < chunks; n++) {
      documentStarts.push(state);
      const k = reversed ? chunks - 1 - n : n;
      state = add(mul(rowOf(total, k), state), rowOf(ends, k));
    }
    return [concat(reversed ? documentStarts.reverse() : documentStarts, 0), state];
  });
}

/** Row k of the first axis, which stays. */
const rowOf = (x: Tensor, k: number): Tensor => slice(x, [k, ...x.shape.slice(1).map(() => 0)], [1, ...x.shape.slice(1)]);
