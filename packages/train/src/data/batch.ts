/** Host arrays of one micro-batch, row-major [batchSize, length]. */
export interface Batch {
  readonly tokens: Int32Array;
  /** The token that follows each; {@link IGNORED_TARGET} where no loss is asked for. */
  readonly targets: Int32Array;
  readonly batchSize: number;
  readonly length: number;
  /** 1 where a token is the first of a document: the state starts anew before it. Left out where no border lies inside the batch. */
  readonly starts?: Uint8Array;
}

/** The target of a position that counts in no loss. */
export const IGNORED_TARGET = -100;

/** A long sequence of token ids, wherever it lies. */
export interface TokenSource {
  readonly length: number;
  /** Sorted first positions of documents; empty or [0] for one endless text. */
  readonly documentStarts: ArrayLike<number>;
  read(start: number, count: number): Promise<Int32Array>;
}

/** Batches as a pure function of seed, step and micro-batch: resuming needs no position. */
export interface BatchSampler {
  batch(step: number, part: number): Promise<Batch>;
}
