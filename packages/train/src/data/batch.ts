/** What a training step reads: batches, where they come from, and in which order. Everything lives in host memory. */

/** The target of a position that counts in no loss, as in PyTorch and Hugging Face. */
export const IGNORED_TARGET = -100;

/** Host arrays of one micro-batch, row-major [batchSize, length]. */
export interface Batch {
  readonly tokens: Int32Array;
  /** The token after each one, or {@link IGNORED_TARGET}. */
  readonly targets: Int32Array;
  readonly batchSize: number;
  readonly length: number;
  /**
   * [batchSize, length]: 1 where a token is the first of a document, so that the state starts anew before it. Left out
   * where that changes nothing: no document begins in the batch, or each begins a row whose state is fresh anyway.
   */
  readonly documentStarts?: Uint8Array;
}

/** Tokens that lie in memory, in a file or elsewhere. */
export interface TokenSource {
  readonly length: number;
  /** The first position of each document, sorted. Nothing, or only 0, is one endless text. */
  readonly documentStarts: ArrayLike<number>;
  /**
   * The id with which every document begins, where there is one: the last token of a document then learns to predict it, and
   * from it the model learns to begin. Without it the last token of a document has no target.
   */
  readonly separator?: number;
  /** @throws SsmError OPTION where the range reaches out of the source */
  read(start: number, count: number): Promise<Int32Array>;
}

/** Batches as a pure function of seed, step and micro-batch: to go on after a stop, the number of the step is enough. */
export interface BatchSampler {
  /** Micro-batch `part` of optimizer step `step`, both from 0. */
  batch(step: number, part: number): Promise<Batch>;
}

/** The sizes that every sampler needs. */
export interface BlockOptions {
  /** Rows of a micro-batch. */
  batchSize: number;
  /** Tokens of a row. */
  blockSize: number;
}
