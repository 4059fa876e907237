import { type Decoder, type DecoderMaker, isPacked, type PackedMatrix, type TokenChooser, tidyTree } from '@densessm/ssm-core';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { runtimeOf } from '../backend-runtime';
import { badBatch, badRow, badTokens, disposedDecoder, notPacked } from './errors';
import type { DecodeProgram, StateBuffer } from './program';
import type { Slot } from './slot';

/** What a decoder needs to know of the program that a model has recorded. */
export interface DecoderParts<State> {
  vocabSize: number;
  /** [batch, vocab]; holds the logits after a token. */
  logits: Slot;
  /** Where the program carries the tensors of a state. */
  buffers: readonly StateBuffer[];
  /** The tensors of a state, in order, those with a buffer first. @throws SsmError STATE where the state is not of this model or has another number of rows */
  tensorsOf(state: State, rows: number): readonly Tensor[];
  /** Called once a state's tensors are in the rows from `first` on of their buffers, with the values of those that have none. */
  loaded?(state: State, others: readonly Float32Array[], first: number): void;
  /** Called once a row is a copy of another. */
  copied?(from: number, to: number): void;
  /** A state around copies of these rows of the buffers; what else it makes of tensors is its own. @throws SsmError STATE where they are at different positions */
  stateOf(tensors: readonly Tensor[], rows: RowRange): State;
}

/** Some rows of a decoder, neighbors. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/**
 * What makes decoders for `batch` texts on the backend in use, out of what `record` notes on an empty program; `where` names them in errors. Undefined
 * where that backend runs no programs. @throws SsmError OPTION
 */
export function decoderMaker<P, State>(
  where: string,
  batch: number,
  record: (program: DecodeProgram, params: P) => Promise<DecoderParts<State>>,
): DecoderMaker<P, State> | undefined {
  const makeProgram = runtimeOf()?.decodeProgram;
  if (!makeProgram) return undefined;
  if (!Number.isInteger(batch) || batch < 1) throw badBatch(where, batch);
  return async (params) => {
    const program = makeProgram({ where, batch });
    try {
      return new ProgramDecoder(program, await record(program, params));
    } catch (error) {
      program.dispose();
      throw error;
    }
  };
}

/** A leaf of params in the form that programs multiply with. @throws SsmError WEIGHTS where it is a tensor */
export function packedOf({ where }: Pick<DecodeProgram, 'where'>, leaf: Tensor2D | PackedMatrix): PackedMatrix {
  if (isPacked(leaf)) return leaf;
  throw notPacked(where);
}

class ProgramDecoder<State> implements Decoder<State> {
  readonly chooser: TokenChooser | undefined;
  readonly #program: DecodeProgram;
  readonly #parts: DecoderParts<State>;
  /** Kept for all steps: the system takes long to find room as large as this. */
  readonly #logits: Float32Array;
  #isDisposed = false;

  constructor(program: DecodeProgram, parts: DecoderParts<State>) {
    this.#program = program;
    this.#parts = parts;
    this.#logits = new Float32Array(program.batch * parts.vocabSize);
    this.chooser = program.chooserOf?.(parts.logits, parts.vocabSize);
  }

  /** Not an async function: the promise of `read` is passed on as it is, since a second one would be felt with small models. */
  step(ids: ArrayLike<number>): Promise<Float32Array> {
    try {
      this.#refuseDisposed();
      this.#checkIds(ids);
      this.#program.submit(ids);
      return this.#program.read(this.#parts.logits, this.#logits.subarray(0, ids.length * this.#parts.vocabSize));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  load(state: State): Promise<void> {
    return this.#load(state, { first: 0, count: this.#program.batch });
  }

  async loadRow(row: number, state: State): Promise<void> {
    this.#checkRows(row);
    await this.#load(state, { first: row, count: 1 });
  }

  async #load(state: State, { first, count }: RowRange): Promise<void> {
    this.#refuseDisposed();
    const { buffers, tensorsOf, loaded } = this.#parts;
    const tensors = tensorsOf(state, count);
    // all of it is read before any of it is replaced
    const others = (await Promise.all(tensors.slice(buffers.length).map((one) => one.data()))) as Float32Array[];
    this.#refuseDisposed();
    await this.#program.load(buffers, tensors.slice(0, buffers.length), first);
    loaded?.(state, others, first);
  }

  state(): State {
    return this.#stateOf({ first: 0, count: this.#program.batch });
  }

  stateOfRow(row: number): State {
    this.#checkRows(row);
    return this.#stateOf({ first: row, count: 1 }, row);
  }

  #stateOf(rows: RowRange, row?: number): State {
    this.#refuseDisposed();
    const { buffers, stateOf } = this.#parts;
    return tidyTree(() =>
      stateOf(
        buffers.map((buffer) => this.#program.tensorOf(buffer, row)),
        rows,
      ),
    );
  }

  copyRow(from: number, to: number): void {
    this.#refuseDisposed();
    this.#checkRows(from, to);
    if (from === to) return;
    this.#program.copyRow(this.#parts.buffers, from, to);
    this.#parts.copied?.(from, to);
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#program.dispose();
  }

  #checkIds(ids: ArrayLike<number>): void {
    const [{ where, batch }, { vocabSize }] = [this.#program, this.#parts];
    const bad = Array.from(ids).find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
    if (bad === undefined && ids.length > 0 && ids.length <= batch) return;
    throw badTokens(where, batch, vocabSize, bad === undefined ? `${ids.length} tokens` : String(bad));
  }

  #checkRows(...rows: readonly number[]): void {
    const { where, batch } = this.#program;
    const bad = rows.find((row) => !Number.isInteger(row) || row < 0 || row >= batch);
    if (bad !== undefined) throw badRow(where, batch, bad);
  }

  #refuseDisposed(): void {
    if (this.#isDisposed) throw disposedDecoder(this.#program.where);
  }
}
