import { type Decoder, disposeTree, type WeightType } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { openDecoder } from './open-decoder';
import { pause } from './pause';
import { readTokens } from './read';
import { bytesOf, cloneState, selectRows } from './rows';
import type { SharedWeights } from './shared-weights';

export interface ReaderOptions {
  /** Tokens per call of the model, over all rows. */
  readonly promptChunk: number;
  /** Of the decoder; prompts are read with those of the bundle. */
  readonly weights: WeightType | undefined;
}

/** What the model expects next, for each row. [B][V] */
export type Logits = readonly Float32Array[];

/**
 * Texts that are read side by side, and the model's state after them. Many tokens go through `advance`, single ones through a decoder where
 * there is one; the state is a tree of tensors, or further on inside the decoder until it is asked for. A call that throws changes nothing.
 * Owns memory: dispose of it.
 */
export class Reader {
  readonly #bundle: ModelBundle;
  readonly #options: ReaderOptions;
  #batch: number;
  /** Undefined while the decoder alone knows it. */
  #state: unknown;
  #decoder: Decoder<unknown> | undefined;
  /** Of the decoder; kept for the next one. */
  #weights: SharedWeights | undefined;
  #hasNoDecoder = false;
  /** Whether the decoder is where the texts are. */
  #isLoaded = false;
  #isDisposed = false;

  /** Before the first token, or after a state, which it takes over. */
  constructor(bundle: ModelBundle, batch: number, options: ReaderOptions, state?: unknown) {
    this.#bundle = bundle;
    this.#batch = batch;
    this.#options = options;
    this.#state = state ?? bundle.model.initialState(bundle.config, batch);
  }

  /** Bytes of the state. */
  get stateBytes(): number {
    return bytesOf(this.#current());
  }

  /** The state, a copy. */
  state(): unknown {
    return cloneState(this.#current());
  }

  /**
   * Reads rows of one length; which way depends on that length alone, so that a text has one set of logits. Throws the reason of an abort;
   * nothing comes where the reader was disposed of meanwhile. What comes is good until the next call.
   * @throws SsmError TOKENS
   */
  async read(rows: readonly (readonly number[])[], signal?: AbortSignal): Promise<Logits> {
    const decoder = rows[0]?.length === 1 ? await this.#loaded() : undefined;
    if (this.#isDisposed) return [];
    return decoder ? this.#step(decoder, rows, signal) : this.#advance(rows, signal);
  }

  async #step(decoder: Decoder<unknown>, rows: readonly (readonly number[])[], signal?: AbortSignal): Promise<Logits> {
    signal?.throwIfAborted();
    await pause();
    signal?.throwIfAborted();
    if (this.#isDisposed) return [];
    const logits = await decoder.step(rows.flat());
    if (this.#isDisposed) return [];
    disposeTree(this.#state);
    this.#state = undefined;
    const width = logits.length / this.#batch;
    return rows.map((_, row) => logits.subarray(row * width, (row + 1) * width));
  }

  async #advance(rows: readonly (readonly number[])[], signal?: AbortSignal): Promise<Logits> {
    const { state, logits } = await readTokens(this.#bundle, rows, this.#current(), { ...this.#options, signal });
    if (this.#isDisposed) {
      disposeTree(state);
      return [];
    }
    this.replace(state);
    return logits;
  }

  /** Goes on with some of the texts, in the given order, which may name a text more than once. */
  select(rows: readonly number[]): void {
    if (rows.length === this.#batch && rows.every((row, i) => row === i)) return;
    const state = selectRows(this.#current(), rows);
    if (rows.length !== this.#batch) this.#closeDecoder();
    this.#batch = rows.length;
    this.replace(state);
  }

  /** Goes on from another state of as many rows, which it takes over. */
  replace(state: unknown): void {
    disposeTree(this.#state);
    this.#state = state;
    this.#isLoaded = false;
  }

  dispose(): void {
    this.#isDisposed = true;
    disposeTree(this.#state);
    this.#state = undefined;
    this.#closeDecoder();
    this.#weights?.release();
    this.#weights = undefined;
  }

  /** Holds on to the packed weights of another reader of the same bundle, should it have any, for the time when it needs them itself. */
  useWeightsOf(other: Reader): void {
    this.#weights ??= other.#weights?.retain();
  }

  #current(): unknown {
    this.#state ??= this.#decoder?.state();
    return this.#state;
  }

  /** The decoder at the texts' place; undefined where there is none, or no reader any longer. */
  async #loaded(): Promise<Decoder<unknown> | undefined> {
    if (this.#weights?.isCurrent() === false) this.#dropWeights();
    if (this.#hasNoDecoder || this.#isLoaded) return this.#decoder;
    const decoder = this.#decoder ?? (await this.#opened());
    if (this.#isDisposed) return undefined;
    await decoder?.load(this.#state);
    this.#isLoaded = decoder !== undefined && !this.#isDisposed;
    return this.#isLoaded ? decoder : undefined;
  }

  async #opened(): Promise<Decoder<unknown> | undefined> {
    const open = await openDecoder(this.#bundle, { weights: this.#options.weights, batch: this.#batch }, this.#weights);
    this.#weights?.release();
    this.#weights = open?.weights;
    this.#decoder = open?.decoder;
    this.#hasNoDecoder = !open;
    if (this.#isDisposed) this.dispose();
    return this.#decoder;
  }

  /** Takes the state back from a decoder with weights that are no longer the bundle's. */
  #dropWeights(): void {
    this.#current();
    this.#closeDecoder();
    this.#weights?.release();
    this.#weights = undefined;
  }

  #closeDecoder(): void {
    this.#decoder?.dispose();
    this.#decoder = undefined;
    this.#isLoaded = false;
  }
}
