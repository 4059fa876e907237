import { namedParams } from '@densessm/ssm-core';
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
  const described = [...namedParams(spec, params)].map(async ([{ name }, tensor]) => {
    const sample = samplesOf(tensor);
    try {
      return { name, shape: tensor.shape, values: bitsOf(await sample.data()) };
    } finally {
      sample.dispose();
    }
  });
  const about = { modelType: model.modelType, config: sorted(model.configToJson(config)), params: await Promise.all(described) };
  return hexOf(sha256(new TextEncoder().encode(JSON.stringify(about))));
}

function samplesOf(tensor: Tensor): Tensor {
  return tidy(() => {
    const flat = reshape(tensor, [-1]);
    const { size } = tensor;
    if (size <= 3 * SAMPLED) return flat.clone();
    const starts = [0, Math.floor((size - SAMPLED) / 2), size - SAMPLED];
    return concat(starts.map((start) => slice(flat, [start], [SAMPLED])));
  });
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
