import type { ModelBundle } from '../bundle';
import { numbersOf, ownSnapshot, stateFrom, storedTensors } from '../session/contents';
import { fingerprintOf } from '../session/fingerprint';
import { encodeSnapshot, type Snapshot } from '../session/snapshot-format';
import type { HistoryRecord } from '../token-history';

/** The state of a model after a text, in host memory: its size does not depend on the length of the text. */
export interface SavedState extends Pick<Snapshot, 'numbers' | 'tensors'> {
  readonly history: HistoryRecord;
}

/** Tokens for penalties to look back on: a session's default. */
const HISTORY = 4096;

/** Of a state of one row, which stays the caller's. */
export async function saveState(state: unknown, history: HistoryRecord): Promise<SavedState> {
  const recent = history.recent.slice(-HISTORY);
  return { history: { ...history, recent }, numbers: numbersOf(state), tensors: await storedTensors(state) };
}

/** A state of one row, the caller's to dispose of. @throws SsmError STATE where it does not fit the model */
export const restoreState = (bundle: ModelBundle, saved: SavedState): unknown => stateFrom(bundle, saved);

/** Bytes in memory. */
export const savedBytes = ({ tensors, history }: SavedState): number =>
  tensors.reduce((total, { values }) => total + values.byteLength, 8 * history.recent.length);

/** Bytes of the format that SNAPSHOT.md describes. */
export async function encodeState(bundle: ModelBundle, { history, numbers, tensors }: SavedState): Promise<Uint8Array> {
  const fingerprint = await fingerprintOf(bundle);
  const { modelType } = bundle.model;
  return encodeSnapshot({ modelType, fingerprint, tokens: history, sampler: [1, 0, 0, 0], numbers, tensors });
}

/** @throws SsmError FILE for bytes that are not as written, STATE for those of another model */
export async function decodeState(bundle: ModelBundle, bytes: Uint8Array): Promise<SavedState> {
  const { tokens: history, numbers, tensors } = await ownSnapshot(bundle, bytes);
  return { history, numbers, tensors: tensors.filter(({ name }) => name.startsWith('state.')) };
}
