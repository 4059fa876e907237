/// <reference types="@webgpu/types" />

/** What we use of tfjs's BufferManager, version 4.22, which keeps every buffer that it gets back, by its exact size. */
export interface TfjsBufferPool {
  readonly freeBuffers: Map<string, GPUBuffer[]>;
  numFreeBuffers: number;
  /** Of the buffers in use. */
  readonly numBytesUsed: number;
  /** Of these and of the free ones. */
  numBytesAllocated: number;
  releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
}

/** Free buffers that are always kept. */
const KEPT_BYTES = 2 ** 26;

const bounded = new WeakSet<object>();

/**
 * Gives free buffers back to the device, those of the size that was not used for longest first, when they take more than was ever in use at a time: a run
 * of one shape finds all of its buffers again, and one of many lengths does not grow with their number. tfjs frees a buffer only after what reads it was
 * submitted, so that it may be destroyed.
 */
export function boundBufferPool(pool: TfjsBufferPool): void {
  if (bounded.has(pool)) return;
  bounded.add(pool);
  const release = pool.releaseBuffer.bind(pool);
  let mostUsed = 0;
  pool.releaseBuffer = (buffer, reuse) => {
    mostUsed = Math.max(mostUsed, pool.numBytesUsed);
    release(buffer, reuse);
    const key = `${buffer.size}_${buffer.usage}`;
    const same = pool.freeBuffers.get(key);
    if (same) {
      pool.freeBuffers.delete(key);
      pool.freeBuffers.set(key, same); // the last to be destroyed
    }
    dropFree(pool, Math.max(KEPT_BYTES, mostUsed));
  };
}

/** A list stays where it is when it is empty: tfjs puts buffers of its size that are in use back into it. */
function dropFree(pool: TfjsBufferPool, limit: number): void {
  for (const buffers of pool.freeBuffers.values()) {
    while (pool.numBytesAllocated - pool.numBytesUsed > limit) {
      const buffer = buffers.pop();
      if (!buffer) break;
      pool.numFreeBuffers--;
      pool.numBytesAllocated -= buffer.size;
      buffer.destroy();
    }
    if (pool.numBytesAllocated - pool.numBytesUsed <= limit) return;
  }
}
