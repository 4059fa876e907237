import { type Decoder, SsmError, tidyTree } from '@densessm/ssm-core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { DecodeWorkspace } from '../backends/wasm/decode/workspace';
import type { PackedLinear } from '../backends/wasm/packed/packed-linear';

/** What a model is to its decoder: addresses on the workspace, whose steps lead from a token's embedding to its logits. */
export interface DecoderParts<State> {
  vocabSize: number;
  /** [vocab, D] */
  embeddings: PackedLinear;
  /** [batch, D]; holds the embeddings of the tokens before the workspace's steps. */
  hidden: number;
  /** [batch, vocab]; holds the logits after them. */
  logits: number;
  /** Where the tensors of a state lie. */
  places: readonly { address: number; shape: readonly number[] }[];
  /** The tensors of a state, those that have a place first, in order. @throws SsmError STATE where it is not one of this model and batch */
  tensorsOf(state: State): readonly Tensor[];
  /** Called after a state's tensors came to their places, with the values of those that have none. */
  loaded?(state: State, others: readonly Float32Array[]): void;
  /** A state with copies of what lies in the places; what else it makes of tensors is its own. */
  stateOf(tensors: readonly Tensor[]): State;
}

/**
 * A decoder for `batch` texts out of what `prepare` makes on a workspace; `where` names it in errors. Undefined where the backend in use does not
 * run our kernels. @throws SsmError OPTION, and what `prepare` throws
 */
export async function makeDecoder<State>(
  where: string,
  batch: number,
  prepare: (work: DecodeWorkspace) => Promise<DecoderParts<State>>,
): Promise<Decoder<State> | undefined> {
  if (!DecodeWorkspace.isPossible()) return undefined;
  if (!Number.isInteger(batch) || batch < 1) throw badBatch(where, batch);
  const work = new DecodeWorkspace();
  try {
    return new TokenDecoder(where, batch, work, await prepare(work));
  } catch (error) {
    work.dispose();
    throw error;
  }
}

class TokenDecoder<State> implements Decoder<State> {
  readonly #where: string;
  readonly #batch: number;
  readonly #work: DecodeWorkspace;
  readonly #parts: DecoderParts<State>;
  /** Kept for all steps: the system takes long to find room as large as this. */
  readonly #logits: Float32Array;
  #isDisposed = false;

  constructor(where: string, batch: number, work: DecodeWorkspace, parts: DecoderParts<State>) {
    this.#where = where;
    this.#batch = batch;
    this.#work = work;
    this.#parts = parts;
    this.#logits = new Float32Array(batch * parts.vocabSize);
  }

  step(ids: ArrayLike<number>): Float32Array {
    this.#refuseDisposed();
    const { vocabSize, embeddings, hidden, logits } = this.#parts;
    checkIds(this.#where, ids, this.#batch, vocabSize);
    const { width } = embeddings;
    for (let row = 0; row < this.#batch; row++) this.#work.view(hidden + 4 * row * width, width).set(embeddings.row(ids[row] as number));
    this.#work.play();
    this.#logits.set(this.#work.view(logits, this.#logits.length));
    return this.#logits;
  }

  async load(state: State): Promise<void> {
    this.#refuseDisposed();
    const { places } = this.#parts;
    const tensors = this.#parts.tensorsOf(state);
    // all of it is read before any of it is replaced
    const values = (await Promise.all(tensors.map((one) => one.data()))) as Float32Array[];
    this.#refuseDisposed();
    for (const [i, { address }] of places.entries()) {
      const own = values[i] as Float32Array;
      this.#work.view(address, own.length).set(own);
    }
    this.#parts.loaded?.(state, values.slice(places.length));
  }

  state(): State {
    this.#refuseDisposed();
    const { places, stateOf } = this.#parts;
    const copyOf = (address: number, shape: readonly number[]): Tensor => {
      const size = shape.reduce((product, one) => product * one, 1);
      return tensor(this.#work.read(address, size), [...shape]);
    };
    return tidyTree(() => stateOf(places.map(({ address, shape }) => copyOf(address, shape))));
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#work.dispose();
  }

  #refuseDisposed(): void {
    if (!this.#isDisposed) return;
    throw new SsmError({
      code: 'STATE',
      what: `${this.#where}: the decoder was disposed of.`,
      expected: 'a decoder that owns its memory',
      got: 'a freed one',
      fix: 'make a new one from the params',
    });
  }
}

function checkIds(where: string, ids: ArrayLike<number>, batch: number, vocabSize: number): void {
  const bad = Array.from(ids).find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (bad === undefined && ids.length === batch) return;
  throw new SsmError({
    code: 'TOKENS',
    what: `${where}: these tokens cannot be read.`,
    expected: `${batch} whole numbers from 0 to ${vocabSize - 1}, one for each text`,
    got: bad === undefined ? `${ids.length} tokens` : String(bad),
    fix: "encode the text with this model's own tokenizer",
  });
}

const badBatch = (where: string, batch: number): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `${where}: \`batch\` cannot be used.`,
    expected: 'a whole number from 1',
    got: String(batch),
    fix: 'say how many texts are read side by side',
  });
