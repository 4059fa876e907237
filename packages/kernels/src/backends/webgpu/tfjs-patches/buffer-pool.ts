/// <reference types="@webgpu/types" />
import { BUFFER_USAGE } from '../buffers';
import { hasRoom } from '../failures';

/** What we use of tfjs's BufferManager, version 4.22, which keeps every buffer that it gets back, by its exact size. */
export interface TfjsBufferPool {
  readonly freeBuffers: Map<string, GPUBuffer[]>;
  readonly usedBuffers: Map<string, GPUBuffer[]>;
  numFreeBuffers: number;
  /** Of the buffers in use. */
  readonly numBytesUsed: number;
  /** Of these and of the free ones. */
  numBytesAllocated: number;
  acquireBuffer(size: number, usage: number, mappedAtCreation?: boolean, reuse?: boolean): GPUBuffer;
  releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
}

/** Free buffers that are always kept. */
const KEPT_BYTES = 2 ** 26;

/** A new buffer of this size may lack its room, and commands that are handed over with one that does come to nothing. */
const LARGE_BYTES = 2 ** 20;

const bounded = new WeakSet<object>();

/**
 * Gives free buffers back to the device, those of the size that was not used for longest first, when they take more than was ever in use at a time: a run
 * of one shape finds all of its buffers again, and one of many lengths does not grow with their number. tfjs frees a buffer only after what reads it was
 * submitted, so that it may be destroyed. Buffers that there was no room for are not used again, and before a large one is made `submit` hands over what was recorded.
 */
export function boundBufferPool(pool: TfjsBufferPool, submit: () => void): void {
  if (bounded.has(pool)) return;
  bounded.add(pool);
  const [acquire, release] = [pool.acquireBuffer.bind(pool), pool.releaseBuffer.bind(pool)];
  let mostUsed = 0;
  pool.acquireBuffer = (...wanted) => {
    const [size, usage, , reuse = true] = wanted;
    if (size >= LARGE_BYTES && !(reuse && pool.freeBuffers.get(`${size}_${usage}`)?.length)) submit();
    for (;;) {
      const buffer = acquire(...wanted);
      if (hasRoom(buffer)) return buffer;
      release(buffer, false);
    }
  };
  pool.releaseBuffer = (buffer, reuse) => {
    if (!hasRoom(buffer)) {
      release(buffer, false);
      return;
    }
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

/** Gives up a buffer that there was no room for and that a tensor was to be read through: tfjs keeps those that it could not read. */
export function dropUnread(pool: TfjsBufferPool, buffer: GPUBuffer): void {
  if (buffer.usage === BUFFER_USAGE.read && pool.usedBuffers.get(`${buffer.size}_${buffer.usage}`)?.includes(buffer))
    pool.releaseBuffer(buffer, false);
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
