/** What packed weights stand for, as plain loops in float64: the oracle of tests. Knows nothing of panels. */
import { fromBf16, WEIGHT_GROUP as GROUP, quantizeInt4, quantizeInt8, toBf16, type WeightType } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';

/** What buffers need of the heap of a wasm backend. */
interface Allocator {
  readonly buffer: ArrayBuffer;
  allocate(bytes: number): number;
  free(address: number): void;
  copyOf(address: number, floats: number): Float32Array;
}

/** Buffers on the heap of a wasm backend, for products between addresses. */
export function heapBuffers(heap: Allocator) {
  const addresses: number[] = [];
  const floats = (values: Float32Array): number => {
    const address = heap.allocate(4 * values.length);
    addresses.push(address);
    new Float32Array(heap.buffer, address, values.length).set(values);
    return address;
  };
  return {
    floats,
    read: (address: number, size: number) => heap.copyOf(address, size),
    dispose: (): void => {
      for (const one of addresses) heap.free(one);
    },
  };
}

/** About normal, as weights and activations are. */
export function normal(length: number, seed: number): Float32Array {
  const random = mulberry32(seed);
  return Float32Array.from({ length }, () => random() + random() + random() + random() - 2);
}

/** Weights [out, width] as they are after packing. */
export function roundedWeights(type: WeightType, weights: Float32Array, width: number): Float32Array {
  if (type === 'f32') return weights;
  if (type === 'bf16') return weights.map((value) => fromBf16(toBf16(value)));
  const quantize = type === 'int8' ? quantizeInt8 : quantizeInt4;
  const rounded = new Float32Array(weights.length);
  const numbers = new Int8Array(GROUP);
  for (let row = 0; row < weights.length; row += width) {
    for (let start = row; start < row + width; start += GROUP) {
      const values = weights.subarray(start, Math.min(start + GROUP, row + width));
      const scale = fromBf16(quantize(values, numbers));
      for (let i = 0; i < values.length; i++) rounded[start + i] = scale * (numbers[i] as number);
    }
  }
  return rounded;
}

/** y = x wᵀ + bias in float64. x [rows, width], weights [out, width] → [rows, out]. */
export function packedLinearNaive(
  type: WeightType,
  x: Float32Array,
  weights: Float32Array,
  width: number,
  bias?: Float32Array,
): Float64Array {
  const w = roundedWeights(type, weights, width);
  const [rows, out] = [x.length / width, weights.length / width];
  return Float64Array.from({ length: rows * out }, (_, i) => {
    const [row, output] = [Math.floor(i / out), i % out];
    let sum = bias?.[output] ?? 0;
    for (let k = 0; k < width; k++) sum += (x[row * width + k] as number) * (w[output * width + k] as number);
    return sum;
  });
}
