import { type Decoder, disposeTree, SsmError } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { type OpenDecoder, openDecoder } from '../reading/open-decoder';
import { TensorRows } from './tensor-rows';

/** Texts that take their steps together, a row for each, numbered from 0 without a gap. Owns memory: dispose of it. */
export interface TextRows {
  readonly count: number;
  /** Whether a text with this state of one row, which stays the caller's, can be one of them. */
  admits(state: unknown): boolean;
  /** Adds a text behind the others. Where there is no room for it, false, and nothing has changed. */
  join(state: unknown): Promise<boolean>;
  /** One more token of each text: what the model expects next, for each row, good until the next call. */
  step(tokens: readonly number[]): Promise<readonly Float32Array[]>;
  /** The state of a row, a copy. */
  stateOf(row: number): unknown;
  /** Takes a text out; the last one gets its row. */
  leave(row: number): void;
  dispose(): void;
}

/** Rows of a decoder where the model has one here and there is room for it, else of tensors; `most` texts at most. */
export async function openRows(bundle: ModelBundle, most: number): Promise<TextRows> {
  const open = await openDecoder(bundle, { weights: undefined, batch: 1 }, undefined);
  return open ? new DecoderRows(bundle, most, open) : new TensorRows(bundle, most);
}

/**
 * In a decoder with room for one, two, four, … texts: a text that comes or goes costs a copy of its state, and a step what the texts
 * that are there cost. A larger decoder takes the place of one that is full.
 */
class DecoderRows implements TextRows {
  readonly #bundle: ModelBundle;
  #most: number;
  #open: OpenDecoder;
  #capacity = 1;
  #count = 0;

  constructor(bundle: ModelBundle, most: number, open: OpenDecoder) {
    this.#bundle = bundle;
    this.#most = most;
    this.#open = open;
  }

  get count(): number {
    return this.#count;
  }

  admits(): boolean {
    return this.#count < this.#most;
  }

  async join(state: unknown): Promise<boolean> {
    if (this.#count === this.#capacity && !(await this.#reopen(Math.min(2 * this.#capacity, this.#most)))) {
      this.#most = this.#capacity;
      return false;
    }
    await this.#open.decoder.loadRow(this.#count, state);
    this.#count++;
    return true;
  }

  async step(tokens: readonly number[]): Promise<readonly Float32Array[]> {
    if (!this.#open.weights.isCurrent() && !(await this.#reopen(this.#capacity))) throw noRoom(this.#capacity);
    const logits = await this.#open.decoder.step(tokens);
    const width = logits.length / tokens.length;
    return tokens.map((_, row) => logits.subarray(row * width, (row + 1) * width));
  }

  stateOf(row: number): unknown {
    return this.#open.decoder.stateOfRow(row);
  }

  leave(row: number): void {
    this.#count--;
    if (row < this.#count) this.#open.decoder.copyRow(this.#count, row);
  }

  dispose(): void {
    this.#open.decoder.dispose();
    this.#open.weights.release();
  }

  /** Moves to another decoder, with the weights as they are now; false where there is no room for it. */
  async #reopen(capacity: number): Promise<boolean> {
    const { decoder: before, weights } = this.#open;
    const open = await openDecoder(this.#bundle, { weights: undefined, batch: capacity }, weights.isCurrent() ? weights : undefined);
    if (!open) return false;
    try {
      for (let row = 0; row < this.#count; row++) await moveRow(before, open.decoder, row);
    } catch (error) {
      open.decoder.dispose();
      open.weights.release();
      throw error;
    }
    this.dispose();
    this.#open = open;
    this.#capacity = capacity;
    return true;
  }
}

async function moveRow(from: Decoder<unknown>, to: Decoder<unknown>, row: number): Promise<void> {
  const state = from.stateOfRow(row);
  await to.loadRow(row, state).finally(() => disposeTree(state));
}

const noRoom = (capacity: number): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'Scheduler: the weights have changed, and there is no room for a decoder with the new ones.',
    expected: `room for one of ${capacity} texts`,
    got: 'none',
    fix: 'train and serve apart, or serve fewer texts at once',
  });
