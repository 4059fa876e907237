import { fill, ones, randomNormal, randomUniform, type Tensor, tensor, zeros as zeroTensor } from '@tensorflow/tfjs-core';

/** Makes the starting value of a parameter. The same seed gives the same values on every backend. */
export type Initializer = (shape: number[], seed: number) => Tensor;

export const zeros: Initializer = (shape) => zeroTensor(shape);
export const constant =
  (value: number): Initializer =>
  (shape) =>
    value === 1 ? ones(shape) : fill(shape, value);
export const normal =
  (std: number): Initializer =>
  (shape, seed) =>
    randomNormal(shape, 0, std, 'float32', seed);
export const uniform =
  (low: number, high: number): Initializer =>
  (shape, seed) =>
    randomUniform(shape, low, high, 'float32', seed);

/** Glorot and Bengio 2010: uniform with bound gain · √(6 / (in + out)). Shape [out, in]. */
export const xavierUniform =
  (gain = 1): Initializer =>
  (shape, seed) => {
    const [out = 1, fanIn = 1] = shape;
    const bound = gain * Math.sqrt(6 / (fanIn + out));
    return uniform(-bound, bound)(shape, seed);
  };

/** PyTorch's default for linear and convolution weights: uniform with bound 1 / √fanIn. Shape [out, ...in]. */
export const kaimingUniform: Initializer = (shape, seed) => {
  const bound = 1 / Math.sqrt(shape.slice(1).reduce((product, size) => product * size, 1));
  return uniform(-bound, bound)(shape, seed);
};

/** Values computed on the host, in row-major order; `random` draws uniformly from [0, 1). */
export const computed =
  (value: (index: number, random: () => number) => number): Initializer =>
  (shape, seed) => {
    const random = mulberry32(seed);
    const size = shape.reduce((product, length) => product * length, 1);
    return tensor(
      Float32Array.from({ length: size }, (_, i) => value(i, random)),
      shape,
    );
  };

/** A small generator with 32 bits of state: enough for a starting value that must not depend on the backend. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
