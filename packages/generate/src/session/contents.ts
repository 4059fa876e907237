import { disposeTree, SsmError, tensorsOf } from '@densessm/ssm-core';
import { Tensor, tensor } from '@tensorflow/tfjs-core';
import type { ModelBundle } from '../bundle';
import { cloneState } from '../reading/rows';
import type { RandomState } from '../samplers/random';
import type { HistoryRecord } from '../token-history';
import { fingerprintOf } from './fingerprint';
import type { Origin } from './origin';
import { decodeSnapshot, encodeSnapshot, type Snapshot, type SnapshotTensor } from './snapshot-format';

/** All that a session is at one moment. */
export interface Contents {
  /** Of the model, after all tokens. */
  readonly state: unknown;
  /** What the model expects next, [V]; undefined before the first token. */
  readonly logits: Float32Array | undefined;
  readonly history: HistoryRecord;
  readonly random: RandomState;
  readonly origin: Origin;
}

const LOGITS = 'logits';
const STATE = 'state.';

/** The same with a state of its own. */
export const cloneContents = (contents: Contents): Contents => ({ ...contents, state: cloneState(contents.state) });

/** The bytes of a snapshot. Takes the contents over: their state is disposed of. */
export async function packContents(bundle: ModelBundle, { state, logits, history, random }: Contents): Promise<Uint8Array> {
  try {
    const tensors = await storedTensors(state);
    if (logits) tensors.push({ name: LOGITS, dtype: 'float32', shape: [logits.length], values: logits });
    const fingerprint = await fingerprintOf(bundle);
    const { modelType } = bundle.model;
    return encodeSnapshot({ modelType, fingerprint, tokens: history, sampler: random, numbers: numbersOf(state), tensors });
  } finally {
    disposeTree(state);
  }
}

/** Copies of a state's tensors, under the names that they have in a snapshot. */
export const storedTensors = (state: unknown): Promise<SnapshotTensor[]> =>
  Promise.all([...tensorsOf(state)].map(([path, one]) => storedTensor(`${STATE}${path.join('.')}`, one)));

async function storedTensor(name: string, one: Tensor): Promise<SnapshotTensor> {
  const dtype = one.dtype === 'int32' ? 'int32' : 'float32';
  return { name, dtype, shape: one.shape, values: (await one.data()) as Float32Array | Int32Array };
}

/** Numbers of a state beside its tensors, by their paths. */
export function numbersOf(state: unknown, path = ''): Record<string, number> {
  if (typeof state === 'number') return { [path]: state };
  if (state instanceof Tensor || state === null || typeof state !== 'object') return {};
  const entries = Object.entries(state).map(([key, branch]) => numbersOf(branch, path === '' ? key : `${path}.${key}`));
  return Object.assign({}, ...entries) as Record<string, number>;
}

/** @throws SsmError FILE for bytes that are no snapshot as written, STATE for a snapshot of another model. */
export async function unpackContents(bundle: ModelBundle, bytes: Uint8Array): Promise<Contents> {
  const snapshot = await ownSnapshot(bundle, bytes);
  const { tokens: history, sampler: random } = snapshot;
  const logits = snapshot.tensors.find(({ name }) => name === LOGITS)?.values as Float32Array | undefined;
  return { state: stateFrom(bundle, snapshot), logits, history, random, origin: { snapshot: bytes, reads: [] } };
}

/** A snapshot of this model. @throws SsmError FILE, STATE */
export async function ownSnapshot(bundle: ModelBundle, bytes: Uint8Array): Promise<Snapshot> {
  const snapshot = decodeSnapshot(bytes);
  const fingerprint = await fingerprintOf(bundle);
  const { modelType } = bundle.model;
  if (snapshot.modelType !== modelType || snapshot.fingerprint !== fingerprint) {
    const name = (type: string, print: string): string => `${type} ${print.slice(0, 16)}`;
    throw foreign(name(modelType, fingerprint), name(snapshot.modelType, snapshot.fingerprint));
  }
  return snapshot;
}

/** The state in the form that the model's own has. */
export function stateFrom({ model, config }: ModelBundle, { tensors, numbers }: Pick<Snapshot, 'tensors' | 'numbers'>): unknown {
  const stored = new Map(tensors.map((one) => [one.name, one]));
  const build = (like: unknown, path: string): unknown => {
    if (like instanceof Tensor) return tensorLike(like, `${STATE}${path}`, stored);
    if (typeof like === 'number') return numbers[path] ?? refuseWithout(path);
    if (Array.isArray(like)) return like.map((branch, i) => build(branch, path === '' ? `${i}` : `${path}.${i}`));
    if (like === null || typeof like !== 'object') return like;
    return Object.fromEntries(Object.entries(like).map(([key, branch]) => [key, build(branch, path === '' ? key : `${path}.${key}`)]));
  };
  const empty = model.initialState(config, 1);
  try {
    return build(empty, '');
  } finally {
    disposeTree(empty);
  }
}

function tensorLike(like: Tensor, name: string, stored: ReadonlyMap<string, SnapshotTensor>): Tensor {
  const found = stored.get(name);
  if (found && found.shape.join() === like.shape.join() && found.dtype === like.dtype) return tensor(found.values, like.shape, found.dtype);
  throw foreign(`${name} ${like.dtype} [${like.shape.join(', ')}]`, found ? `${found.dtype} [${found.shape.join(', ')}]` : 'none');
}

function refuseWithout(path: string): never {
  throw foreign(`a number \`${path}\``, 'none');
}

const foreign = (expected: string, got: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Session.restore: the snapshot is of another model.',
    expected,
    got,
    fix: 'load the model that the snapshot was made with, weights and config unchanged',
  });
