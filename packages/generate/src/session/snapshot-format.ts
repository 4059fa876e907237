/** The bytes of a snapshot; SNAPSHOT.md describes them for readers in other languages. */
import { SsmError } from '@densessm/ssm-core';
import { isObject } from '@densessm/ssm-core/plain';
import type { RandomState } from '../samplers/random';
import type { HistoryRecord } from '../token-history';
import { sha256 } from './sha-256';

export interface SnapshotTensor {
  readonly name: string;
  readonly dtype: 'float32' | 'int32';
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

export interface Snapshot {
  readonly modelType: string;
  readonly fingerprint: string;
  readonly tokens: HistoryRecord;
  readonly sampler: RandomState;
  /** What the state holds besides tensors, by the path in it. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly tensors: readonly SnapshotTensor[];
}

const MAGIC = 'DSSMSNAP';
const VERSION = 1;
const FRONT = MAGIC.length + 8;
const DIGEST = 32;
const FIX = 'take another copy of the snapshot, or read the text again';

/** Front, header, tensors, SHA-256 of all that. */
export function encodeSnapshot({ tensors, sampler, modelType, fingerprint, ...rest }: Snapshot): Uint8Array {
  const described = tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const header = { model: { modelType, fingerprint }, dtype: 'float32', ...rest, sampler: { xoshiro128: sampler }, tensors: described };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const payload = tensors.reduce((total, { values }) => total + values.byteLength, 0);
  const bytes = new Uint8Array(FRONT + text.length + payload + DIGEST);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(MAGIC.length, VERSION, true);
  view.setUint32(MAGIC.length + 4, text.length, true);
  bytes.set(text, FRONT);
  let at = FRONT + text.length;
  for (const { values } of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at); // little-endian, as every engine's arrays are
    at += values.byteLength;
  }
  bytes.set(sha256(bytes.subarray(0, at)), at);
  return bytes;
}

/** @throws SsmError FILE where the bytes are no snapshot, of another version, cut short or changed. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const end = bytes.length - DIGEST;
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) throw broken('these bytes are no snapshot', `bytes that begin with ${MAGIC}`, JSON.stringify(magic));
  if (end < FRONT) throw broken('the snapshot is cut short', `at least ${FRONT + DIGEST} bytes`, `${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint32(MAGIC.length, true);
  if (version !== VERSION)
    throw broken('the snapshot has another version', `version ${VERSION}`, `version ${version}`, 'update @densessm/generate');
  const digest = sha256(bytes.subarray(0, end));
  if (digest.some((byte, i) => byte !== bytes[end + i]))
    throw broken('the snapshot was cut short or changed', 'bytes that fit their checksum', 'others');
  const start = FRONT + view.getUint32(MAGIC.length + 4, true);
  const header = start <= end ? parsed(bytes.subarray(FRONT, start)) : undefined;
  if (!isHeader(header)) throw broken('the header of the snapshot is not understood', 'what SNAPSHOT.md describes', 'something else');
  const { model, sampler, tokens, numbers } = header;
  return {
    ...model,
    tokens,
    numbers,
    sampler: sampler.xoshiro128,
    tensors: readTensors(header.tensors, new Uint8Array(bytes.subarray(start, end))), // a copy, at a place that suits numbers
  };
}

interface Header {
  readonly model: { readonly modelType: string; readonly fingerprint: string };
  readonly tokens: HistoryRecord;
  readonly sampler: { readonly xoshiro128: RandomState };
  readonly numbers: Readonly<Record<string, number>>;
  readonly tensors: readonly Omit<SnapshotTensor, 'values'>[];
}

function parsed(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    return undefined;
  }
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const areCounts = (value: unknown): boolean => Array.isArray(value) && value.every(isCount);

function isHeader(header: unknown): header is Header {
  if (!isObject(header)) return false;
  const { model, tokens, sampler, numbers, tensors } = header;
  const hasParts = isObject(model) && isObject(tokens) && isObject(sampler) && isObject(numbers) && Array.isArray(tensors);
  if (!hasParts || typeof model.modelType !== 'string' || typeof model.fingerprint !== 'string') return false;
  const state = sampler.xoshiro128;
  const goesOn = isCount(tokens.count) && isCount(tokens.drawn) && areCounts(tokens.recent) && areCounts(state);
  if (!goesOn || (state as unknown[]).length !== 4 || !Object.values(numbers).every(Number.isFinite)) return false;
  return tensors.every(
    (one) => isObject(one) && typeof one.name === 'string' && areCounts(one.shape) && /^(float|int)32$/.test(String(one.dtype)),
  );
}

function readTensors(described: Header['tensors'], payload: Uint8Array): SnapshotTensor[] {
  const sizes = described.map(({ shape }) => shape.reduce((product, size) => product * size, 4));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== payload.length) throw broken('the tensors of the snapshot do not fill it', `${total} bytes`, `${payload.length}`);
  let at = 0;
  return described.map((one, i) => {
    const length = (sizes[i] as number) / 4;
    const values = one.dtype === 'int32' ? new Int32Array(payload.buffer, at, length) : new Float32Array(payload.buffer, at, length);
    at += 4 * length;
    return { ...one, values };
  });
}

const broken = (what: string, expected: string, got: string, fix = FIX): SsmError =>
  new SsmError({ code: 'FILE', what: `Session.restore: ${what}.`, expected, got, fix });
