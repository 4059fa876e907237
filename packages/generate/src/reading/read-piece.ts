import { gpuChoices, Replayed, runtimeOf } from '@densessm/kernels/internal';
import { type ForwardOptions, mapTree, tensorsOf, tidyTree } from '@densessm/ssm-core';
import { backend, dispose, type Tensor, type Tensor2D, type Tensor3D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import type { ModelBundle } from '../bundle';
import { bytesOf } from './rows';

/** Some tokens of texts that are read side by side, after a state that stays valid. */
interface Piece {
  /** [B][T] */
  readonly ids: readonly (readonly number[])[];
  readonly state: unknown;
  /** What is made of the logits. */
  readonly ending: PieceEnding;
  /** What it is made of beside them; the caller's. */
  readonly others?: readonly Tensor[];
}

/** One object for each: pieces of one length are told apart by it. */
export interface PieceEnding {
  readonly logits: ForwardOptions['logits'];
  /** Makes tensors in a tidy. */
  readonly make: (logits: Tensor3D, others: readonly Tensor[]) => Tensor[];
}

export const LAST_LOGITS: PieceEnding = { logits: 'last', make: (logits) => [logits] };
export const ALL_LOGITS: PieceEnding = { logits: 'all', make: (logits) => [logits] };

/** Outputs and the next state, the caller's to dispose of. */
export interface ReadPiece {
  readonly outputs: Tensor[];
  readonly state: unknown;
}

/**
 * Reads one piece with `advance`. Where a device can do its commands again, pieces of one shape that come again and again are replayed, with other tokens and states:
 * same bits, and the host runs no operation. @throws as `advance`
 */
export function readPiece(bundle: ModelBundle, piece: Piece): ReadPiece {
  if (!runtimeOf()?.recorder || !isReplayable(bundle, piece)) return readPlainly(bundle, piece);
  const device = backend();
  const pieces = devices.get(device) ?? new RepeatedPieces();
  devices.set(device, pieces);
  return pieces.read(bundle, piece);
}

function readPlainly({ model, params, config }: ModelBundle, { ids, state, ending, others = [] }: Piece): ReadPiece {
  return tidyTree(() => {
    const [logits, next] = model.advance(params, config, ids, state, { logits: ending.logits }) as [Tensor3D, unknown];
    return { outputs: ending.make(logits, others), state: next };
  });
}

/** Whether nothing is wrong with it, which `advance` itself would say, and all that changes from piece to piece is in tensors. */
function isReplayable({ model, config }: ModelBundle, { ids, state }: Piece): boolean {
  const { vocabSize } = config as { vocabSize?: unknown };
  const length = ids[0]?.length;
  const isToken = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < (vocabSize as number);
  if (typeof vocabSize !== 'number' || !length || !ids.every((row) => row.length === length && row.every(isToken))) return false;
  if (positionOf(state) !== undefined && model.positions === undefined) return false;
  return [...tensorsOf(state)].every(([, tensor]) => !tensor.isDisposed && tensor.size > 0);
}

/** Tokens that were read before, where a state says it. */
const positionOf = (state: unknown): number | undefined => (state as { position?: number }).position;

/** The same state with other tensors, `length` tokens later. */
function laterBy<State>(length: number, state: State, tensors: readonly Tensor[]): State {
  let next = 0;
  const later = mapTree(state, () => tensors[next++]);
  const position = positionOf(state);
  return position === undefined ? later : { ...later, position: position + length };
}

/** What a state is like: the shapes of its tensors, and what else it holds but for its position. */
const formOf = (state: unknown): string => JSON.stringify({ ...mapTree(state as object, ({ shape }) => shape), position: undefined });

/** Tensors of a state by their places in another of its form. */
function inOrderOf(state: unknown, of: unknown): Tensor[] {
  const byPath = new Map([...tensorsOf(of)].map(([path, tensor]) => [path.join('.'), tensor]));
  return [...tensorsOf(state)].map(([path]) => byPath.get(path.join('.')) as Tensor);
}

/** Pieces of one shape. */
interface Series {
  readonly calls: Replayed;
  /** The data of the weights: other data in the same place would not be read by what was recorded. */
  readonly weights: readonly object[];
  /** Whether states after a piece are of the form of those before, and there is room. */
  isRepeatable: boolean;
  /** Bytes that all may take while this one is read. */
  readonly most: number;
}

/** How many are known, the last ones used. */
const MOST_SERIES = 32;

const devices = new WeakMap<object, RepeatedPieces>();

/** Pieces that were read on one device. Their memory is bounded, and goes with the weights that they read. */
class RepeatedPieces {
  /** The last one used last. */
  readonly #series = new Map<string, Series>();

  read(bundle: ModelBundle, piece: Piece): ReadPiece {
    const key = keyOf(bundle, piece);
    const series = this.#series.get(key);
    if (series && !isSame(series.weights, dataOf(bundle.params))) this.#drop(key);
    if (series === undefined || !this.#series.has(key)) return this.#readFirst(key, bundle, piece);
    this.#series.delete(key);
    this.#series.set(key, series);
    if (!series.isRepeatable) return readPlainly(bundle, piece);
    try {
      const read = readAgain(bundle, piece, series.calls);
      series.calls.onStale = () => this.#drop(key);
      this.#trim(series);
      return read;
    } catch (error) {
      this.#drop(key);
      throw error;
    }
  }

  #readFirst(key: string, bundle: ModelBundle, piece: Piece): ReadPiece {
    const read = readPlainly(bundle, piece);
    const isRepeatable = formOf(piece.state) === formOf(read.state);
    const most = Math.max(gpuChoices.promptBytes, bytesOf(bundle.params));
    this.#series.set(key, { calls: new Replayed(1), weights: dataOf(bundle.params), isRepeatable, most });
    const [oldest] = this.#series.keys();
    if (this.#series.size > MOST_SERIES) this.#drop(oldest as string);
    return read;
  }

  #drop(key: string): void {
    const series = this.#series.get(key);
    this.#series.delete(key);
    series?.calls.dispose();
  }

  /** Gives up those that were not used for longest, while all take more than they may. */
  #trim(used: Series): void {
    let bytes = [...this.#series.values()].reduce((sum, { calls }) => sum + calls.bytes, 0);
    for (const [key, { calls }] of this.#series) {
      if (bytes <= used.most) return;
      bytes -= calls.bytes;
      if (calls !== used.calls) this.#drop(key);
    }
    used.isRepeatable = false;
    used.calls.dispose();
  }
}

function readAgain(bundle: ModelBundle, { ids, state, ending, others = [] }: Piece, calls: Replayed): ReadPiece {
  const { model, params, config } = bundle;
  const length = (ids[0] as readonly number[]).length;
  const tokens = tensor2d(Int32Array.from(ids.flat()), [ids.length, length], 'int32');
  const positions = model.positions?.(config, positionOf(state) ?? 0, length);
  const [ofState, ofPositions] = [state, positions].map((tree) => [...tensorsOf(tree)].map(([, tensor]) => tensor)) as [Tensor[], Tensor[]];
  const run = ([ids, ...given]: readonly Tensor[]): Tensor[] =>
    tidy(() => {
      const rest = given.splice(others.length);
      const from = laterBy(0, state, rest.splice(0, ofState.length));
      const options = { logits: ending.logits, positions: positions && mapTree(positions, () => rest.shift()) };
      const [logits, next] = model.advance(params, config, ids as Tensor2D, from, options) as [Tensor3D, unknown];
      return [...ending.make(logits, given), ...inOrderOf(state, next)];
    });
  try {
    const found = calls.call([tokens, ...others, ...ofState, ...ofPositions], run, { copies: true });
    const outputs = found.splice(0, found.length - ofState.length);
    return { outputs, state: laterBy(length, state, found) };
  } finally {
    dispose([tokens, ...ofPositions]);
  }
}

const dataOf = (params: object): object[] => [...tensorsOf(params)].map(([, { dataId }]) => dataId);

const isSame = (some: readonly object[], others: readonly object[]): boolean =>
  some.length === others.length && some.every((one, i) => one === others[i]);

const keyOf = ({ model, params, config }: ModelBundle, { ids, state, ending }: Piece): string =>
  [...[model, params, config, ending].map(numberOf), ids.length, ids[0]?.length, formOf(state)].join(' ');

const numbers = new WeakMap<object, number>();
let count = 0;

/** Of an object, while it is there. */
function numberOf(object: object): number {
  const number = numbers.get(object) ?? count++;
  numbers.set(object, number);
  return number;
}
