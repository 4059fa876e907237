import type { PackedMatrix } from '@densessm/ssm-core';
import { engine, fill, type Tensor, type TensorInfo, tensor } from '@tensorflow/tfjs-core';
import type { TensorValues } from './dtypes';

/** A float32 tensor, or what is packed in its place, that is filled piece by piece, so that its values never lie in memory twice. */
export interface FloatTarget {
  /** Rounds to float32 where the values are wider. */
  write(at: number, values: TensorValues): void;
  /** The tensor; the target is not used after it. */
  finish(): Tensor | PackedMatrix;
  /** Frees an unfinished tensor. */
  dispose(): void;
}

/** What the wasm backend offers: its own memory behind a tensor. Growth of the heap makes an older view useless. */
interface HeapBackend {
  typedArrayFromHeap(info: TensorInfo): Float32Array;
}

export function floatTarget(shape: readonly number[]): FloatTarget {
  const size = shape.reduce((product, length) => product * length, 1);
  const backend = engine().backend as unknown as Partial<HeapBackend>;
  return size > 0 && typeof backend.typedArrayFromHeap === 'function' ? onHeap(backend as HeapBackend, shape) : inArray(size, shape);
}

function onHeap(backend: HeapBackend, shape: readonly number[]): FloatTarget {
  const made = fill([...shape], 0, 'float32');
  return {
    write: (at, values) => backend.typedArrayFromHeap(made).set(values, at),
    finish: () => made,
    dispose: () => made.dispose(),
  };
}

/** tfjs's cpu backend keeps the array that it is given; others upload it. */
function inArray(size: number, shape: readonly number[]): FloatTarget {
  const array = new Float32Array(size);
  return {
    write: (at, values) => array.set(values, at),
    finish: () => tensor(array, [...shape], 'float32'),
    dispose: () => undefined,
  };
}

/** Pieces are whole rows. */
export function packedTarget(matrix: PackedMatrix): FloatTarget {
  const [, width] = matrix.shape;
  return {
    write: (at, values) => matrix.write(at / width, values instanceof Float32Array ? values : Float32Array.from(values)),
    finish: () => matrix,
    dispose: () => matrix.dispose(),
  };
}
