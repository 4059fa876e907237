import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { copied, type Heap } from '../heap';

/** What reading needs of tfjs's `BackendWasm`. */
export interface ReadingBackend {
  readonly dataIdMap: { get(dataId: TensorInfo['dataId']): { memoryOffset: number; dtype: string; shape: number[] } };
  readSync(dataId: TensorInfo['dataId'], start?: number, end?: number): unknown;
}

const TYPES = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** Replaces how tfjs reads a tensor's values, which is slow where the memory is shared, see {@link copied}. */
export function replaceReading(backend: ReadingBackend, heap: Heap): void {
  const stock = backend.readSync;
  backend.readSync = (dataId, start = 0, end) => {
    const { memoryOffset, dtype, shape } = backend.dataIdMap.get(dataId);
    if (!(dtype in TYPES)) return stock.call(backend, dataId, start, end);
    const Values = TYPES[dtype as keyof typeof TYPES];
    const size = (end || util.sizeFromShape(shape)) - start;
    return copied(new Values(heap.buffer, (memoryOffset >>> 0) + start * Values.BYTES_PER_ELEMENT, size));
  };
}
