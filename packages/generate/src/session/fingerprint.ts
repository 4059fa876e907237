import { isPacked, namedParams, type PackedMatrix } from '@densessm/ssm-core';
import { concat, reshape, slice, type Tensor, tidy } from '@tensorflow/tfjs-core';
import type { ModelBundle } from '../bundle';
import { hexOf, sha256 } from './sha-256';

/** Values taken from the beginning, the middle and the end of each tensor. */
const SAMPLED = 16;

/**
 * SHA-256, in hex, of what makes a model that model: its type, its config.json with sorted keys, and of every parameter its name,
 * shape and up to 48 values. Cheap, so a change to a few values of one tensor may go unseen; another training does not.
 * SNAPSHOT.md says the bytes. Computed anew each time, since training changes weights in place.
 */
export async function fingerprintOf({ model, config, params }: ModelBundle): Promise<string> {
  const spec = model.spec(config);
  const described = [...namedParams(spec, params)].map(async ([{ name }, param]) => ({
    name,
    shape: param.shape,
    values: bitsOf(await (isPacked(param) ? samplesOfPacked(param) : samplesOf(param))),
  }));
  const about = { modelType: model.modelType, config: sorted(model.configToJson(config)), params: await Promise.all(described) };
  return hexOf(sha256(new TextEncoder().encode(JSON.stringify(about))));
}

async function samplesOf(tensor: Tensor): Promise<Float32Array> {
  const sample = tidy(() => {
    const flat = reshape(tensor, [-1]);
    const parts = partsOf(tensor.size);
    return concat(parts.map(([start, count]) => slice(flat, [start], [count])));
  });
  try {
    return (await sample.data()) as Float32Array;
  } finally {
    sample.dispose();
  }
}

/** The same values of packed weights, as they were rounded: those in float32 are the tensor's, and have its fingerprint. */
async function samplesOfPacked(matrix: PackedMatrix): Promise<Float32Array> {
  const [out, width] = matrix.shape;
  const places = partsOf(out * width).flatMap(([start, count]) => Array.from({ length: count }, (_, i) => start + i));
  const rows = new Map<number, Float32Array>();
  for (const row of new Set(places.map((place) => Math.floor(place / width)))) rows.set(row, await matrix.row(row));
  return Float32Array.from(places, (place) => rows.get(Math.floor(place / width))?.[place % width] ?? Number.NaN);
}

/** Start and length of the sample, given the number of values. */
function partsOf(size: number): [start: number, count: number][] {
  if (size <= 3 * SAMPLED) return [[0, size]];
  return [0, Math.floor((size - SAMPLED) / 2), size - SAMPLED].map((start) => [start, SAMPLED]);
}

/** The bytes of the values in hex: no rounding, no signed zero lost. */
const bitsOf = (values: Float32Array | Int32Array | Uint8Array): string =>
  hexOf(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));

/** The same JSON with the keys of every object in order. */
function sorted(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sorted);
  if (json === null || typeof json !== 'object') return json;
  const entries = Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value)]));
}
