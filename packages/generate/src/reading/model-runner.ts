import { type Decoder, disposeTree, type WeightType } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { type OpenDecoder, openDecoder } from './open-decoder';
import { pause } from './pause';
import { readTokens } from './read';
import { bytesOf, cloneState, selectRows } from './rows';
import type { SharedWeights } from './shared-weights';

export interface ModelRunnerOptions {
  /** Tokens per call of the model, over all rows. */
  readonly promptChunk: number;
  /** Of the decoder; prompts are read with those of the bundle. */
  readonly weights: WeightType | undefined;
}

/** What the model expects next, for each row. [B][V] */
export type Logits = readonly Float32Array[];

/** Which of the two knows the state after the texts. */
type Position =
  | { readonly at: 'tensors'; readonly state: unknown }
  | { readonly at: 'both'; readonly state: unknown; readonly decoder: Decoder<unknown> }
  | { readonly at: 'decoder'; readonly decoder: Decoder<unknown> }
  | { readonly at: 'disposed' };

/** A decoder that was closed leaves its weights for the next one. */
type Decoding =
  | { readonly kind: 'closed'; readonly weights?: SharedWeights }
  | ({ readonly kind: 'open' } & OpenDecoder)
  | { readonly kind: 'impossible' };

/**
 * Texts that are read side by side, and the model's state after them. Many tokens go through `advance`, single ones through a decoder where
 * there is one; the state is a tree of tensors, or stays inside the decoder until it is asked for. A call that throws changes nothing.
 * Owns memory: dispose of it.
 */
export class ModelRunner {
  readonly #bundle: ModelBundle;
  readonly #options: ModelRunnerOptions;
  #batch: number;
  #position: Position;
  #decoding: Decoding = { kind: 'closed' };

  /** Before the first token, or after a state, which it takes over. */
  constructor(bundle: ModelBundle, batch: number, options: ModelRunnerOptions, state?: unknown) {
    this.#bundle = bundle;
    this.#batch = batch;
    this.#options = options;
    this.#position = { at: 'tensors', state: state ?? bundle.model.initialState(bundle.config, batch) };
  }

  /** Bytes of the state. */
  get stateBytes(): number {
    return bytesOf(this.#state());
  }

  /** The state, a copy. */
  state(): unknown {
    return cloneState(this.#state());
  }

  /**
   * Reads rows of one length; which way depends on that length alone, so that a text has one set of logits. Throws the reason of an abort;
   * nothing comes where the runner was disposed of meanwhile. What comes is good until the next call.
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
    this.#moveTo({ at: 'decoder', decoder });
    const width = logits.length / this.#batch;
    return rows.map((_, row) => logits.subarray(row * width, (row + 1) * width));
  }

  async #advance(rows: readonly (readonly number[])[], signal?: AbortSignal): Promise<Logits> {
    const { state, logits } = await readTokens(this.#bundle, rows, this.#state(), { ...this.#options, signal });
    if (this.#isDisposed) {
      disposeTree(state);
      return [];
    }
    this.replace(state);
    return logits;
  }

  /** Continues with some of the texts, in the given order, which may name a text more than once. */
  select(rows: readonly number[]): void {
    if (rows.length === this.#batch && rows.every((row, i) => row === i)) return;
    const state = selectRows(this.#state(), rows);
    if (rows.length !== this.#batch) this.#closeDecoder();
    this.#batch = rows.length;
    this.replace(state);
  }

  /** Continues from another state of as many rows, which it takes over. */
  replace(state: unknown): void {
    this.#moveTo({ at: 'tensors', state });
  }

  dispose(): void {
    this.#moveTo({ at: 'disposed' });
    this.#closeDecoder();
    this.#releaseWeights();
  }

  /** Holds on to the packed weights of another runner of the same bundle, should it have any, for the time when it needs them itself. */
  useWeightsOf(other: ModelRunner): void {
    const weights = other.#weights;
    if (weights && this.#decoding.kind === 'closed' && !this.#weights) this.#decoding = { kind: 'closed', weights: weights.retain() };
  }

  get #isDisposed(): boolean {
    return this.#position.at === 'disposed';
  }

  get #weights(): SharedWeights | undefined {
    return this.#decoding.kind === 'impossible' ? undefined : this.#decoding.weights;
  }

  /** Frees the state of the position before. */
  #moveTo(position: Position): void {
    if ('state' in this.#position) disposeTree(this.#position.state);
    this.#position = position;
  }

  #state(): unknown {
    if (this.#position.at === 'disposed') return undefined;
    if (this.#position.at === 'decoder') {
      const { decoder } = this.#position;
      this.#position = { at: 'both', state: decoder.state(), decoder };
    }
    return this.#position.state;
  }

  /** The decoder at the texts' place; undefined where there is none, or the runner was disposed of. */
  async #loaded(): Promise<Decoder<unknown> | undefined> {
    if (this.#weights?.isCurrent() === false) this.#dropWeights();
    if ('decoder' in this.#position) return this.#position.decoder;
    const decoder = this.#decoding.kind === 'open' ? this.#decoding.decoder : await this.#opened();
    if (!decoder || this.#position.at !== 'tensors') return undefined;
    const { state } = this.#position;
    await decoder.load(state);
    if (this.#isDisposed) return undefined;
    this.#position = { at: 'both', state, decoder };
    return decoder;
  }

  async #opened(): Promise<Decoder<unknown> | undefined> {
    if (this.#decoding.kind === 'impossible') return undefined;
    const open = await openDecoder(this.#bundle, { weights: this.#options.weights, batch: this.#batch }, this.#weights);
    if (this.#isDisposed) {
      open?.decoder.dispose();
      open?.weights.release();
      return undefined;
    }
    this.#releaseWeights();
    this.#decoding = open ? { kind: 'open', ...open } : { kind: 'impossible' };
    return open?.decoder;
  }

  /** Takes the state back from a decoder with weights that are no longer the bundle's. */
  #dropWeights(): void {
    this.#state();
    this.#closeDecoder();
    this.#releaseWeights();
  }

  #closeDecoder(): void {
    if (this.#decoding.kind !== 'open') return;
    const { decoder, weights } = this.#decoding;
    decoder.dispose();
    this.#decoding = { kind: 'closed', weights };
    if (this.#position.at === 'both') this.#position = { at: 'tensors', state: this.#position.state };
  }

  #releaseWeights(): void {
    if (this.#decoding.kind !== 'closed') return;
    this.#decoding.weights?.release();
    this.#decoding = { kind: 'closed' };
  }
}
