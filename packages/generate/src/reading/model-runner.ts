import { type Decoder, disposeTree, type RunOptions, type TokenChooser, type TokenRun, type WeightType } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { type OpenDecoder, openDecoder } from './open-decoder';
import { pause } from './pause';
import { readTokens } from './read';
import { bytesOf, cloneState, selectRows } from './rows';
import type { RunLength } from './run-length';
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

/** Tokens that the decoder has chosen and read, and how many of each text were taken: the texts end with those. */
interface Ahead {
  readonly chooser: TokenChooser;
  readonly run: TokenRun;
  readonly tokens: number;
  taken: number;
}

/** A token of each row that was chosen and read. */
export interface ChosenTokens {
  /** -1 where none could be chosen. */
  readonly ids: Int32Array;
  /** What the model expects behind them, where that was asked for; lent until the next call. [B · V] */
  logits?(): Float32Array;
}

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
  #ahead: Ahead | undefined;
  #stateBytes: number | undefined;

  /** Before the first token, or after a state, which it takes over. */
  constructor(bundle: ModelBundle, batch: number, options: ModelRunnerOptions, state?: unknown) {
    this.#bundle = bundle;
    this.#batch = batch;
    this.#options = options;
    this.#position = { at: 'tensors', state: state ?? bundle.model.initialState(bundle.config, batch) };
  }

  /** Bytes of the state. */
  get stateBytes(): number {
    this.#stateBytes ??= bytesOf(this.#state());
    return this.#stateBytes;
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
    this.#settle();
    const decoder = rows[0]?.length === 1 ? await this.#loaded() : undefined;
    if (this.#isDisposed) return [];
    return decoder ? this.#step(decoder, rows, signal) : this.#advance(rows, signal);
  }

  /**
   * Lets the decoder choose and read tokens by itself, `most` of each row at most. Whether it did: not where the host has to choose. Throws the reason of an
   * abort. @throws SsmError LOST, BACKEND
   */
  async readAhead(length: RunLength, most: number, options: (tokens: number) => RunOptions, signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    this.#settle();
    const decoder = 'decoder' in this.#position ? await this.#loaded() : undefined;
    const { chooser } = decoder ?? {};
    if (!decoder || !chooser || !(await chooser.ready()) || this.#isDisposed) return false;
    const tokens = Math.min(length.tokens, most, chooser.mostTokens);
    const start = performance.now();
    const run = await runOrBack(chooser, options(tokens));
    if (this.#isDisposed) return false;
    length.took(tokens, performance.now() - start);
    this.#moveTo({ at: 'decoder', decoder });
    this.#ahead = { chooser, run, tokens, taken: 0 };
    return true;
  }

  /** The next of the tokens that were read ahead; undefined behind the last of them. They are taken by {@link ModelRunner.take}. */
  get chosen(): ChosenTokens | undefined {
    const { run, tokens, taken } = this.#ahead ?? {};
    if (!run || tokens === undefined || taken === undefined || taken === tokens) return undefined;
    const ids = run.ids.subarray(taken * this.#batch, (taken + 1) * this.#batch);
    return { ids, ...(run.logits && { logits: () => (run.logits as (token: number) => Float32Array)(taken) }) };
  }

  take(): void {
    if (this.#ahead) this.#ahead.taken++;
  }

  /** What the model expects next, after tokens that the decoder chose. */
  async logits(): Promise<Logits> {
    this.#settle();
    const { chooser } = 'decoder' in this.#position ? this.#position.decoder : {};
    return chooser ? this.#rowsOf(await chooser.logits()) : [];
  }

  /** Takes back what was read ahead and not taken. */
  #settle(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead && ahead.taken < ahead.tokens) ahead.chooser.rewind(ahead.taken);
  }

  async #step(decoder: Decoder<unknown>, rows: readonly (readonly number[])[], signal?: AbortSignal): Promise<Logits> {
    signal?.throwIfAborted();
    await pause();
    signal?.throwIfAborted();
    if (this.#isDisposed) return [];
    const logits = await decoder.step(rows.flat()).catch((error: unknown) => this.#afterStep(error));
    if (this.#isDisposed) return [];
    this.#moveTo({ at: 'decoder', decoder });
    return this.#rowsOf(logits);
  }

  /** A step that failed may have moved the decoder: where the tensors know the state before it, they have it alone. */
  #afterStep(error: unknown): never {
    if (this.#position.at === 'both') this.#position = { at: 'tensors', state: this.#position.state };
    throw error;
  }

  #rowsOf(logits: Float32Array): Logits {
    const width = logits.length / this.#batch;
    return Array.from({ length: this.#batch }, (_, row) => logits.subarray(row * width, (row + 1) * width));
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
    this.#ahead = undefined;
    this.#stateBytes = undefined;
    this.#moveTo({ at: 'tensors', state });
  }

  dispose(): void {
    this.#ahead = undefined;
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
    this.#settle();
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

/** A run; one that throws is taken back. */
async function runOrBack(chooser: TokenChooser, options: RunOptions): Promise<TokenRun> {
  try {
    return await chooser.run(options);
  } catch (error) {
    try {
      chooser.rewind(0);
    } catch {
      // the first error says why
    }
    throw error;
  }
}
