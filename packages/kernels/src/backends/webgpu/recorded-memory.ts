/// <reference types="@webgpu/types" />
import { BUFFER_USAGE } from './buffers';
import type { TfjsBufferPool } from './tfjs-patches/buffer-pool';

/**
 * The buffers of a recording. Those that are given back while it is made serve it again, as they would without, but no one else, also afterwards:
 * its commands write to them again. One that was filled by the host stays as it is.
 */
export class RecordedMemory {
  /** Whether each is in the hands of a tensor. */
  private readonly isUsed = new Map<GPUBuffer, boolean>();
  /** Which of the buffers that were asked for each is now, from 0 on: whose memory it takes depends on what happened to be free. */
  private readonly numbers = new Map<GPUBuffer, number>();
  private asked = 0;
  private readonly lasting = new Set<GPUBuffer>();
  private readonly free = new Map<number, GPUBuffer[]>();
  private isOpen = false;

  constructor(private readonly pool: TfjsBufferPool) {}

  get bytes(): number {
    return [...this.isUsed.keys()].reduce((sum, { size }) => sum + size, 0);
  }

  owns(buffer: GPUBuffer): boolean {
    return this.isUsed.has(buffer);
  }

  numberOf(buffer: GPUBuffer): number | undefined {
    return this.numbers.get(buffer);
  }

  /** Hands out own buffers meanwhile. */
  while<T>(run: () => T): T {
    const { pool } = this;
    const acquire = pool.acquireBuffer;
    pool.acquireBuffer = (...wanted) => {
      const [size, usage, isMapped = false] = wanted;
      if (usage !== BUFFER_USAGE.storage && usage !== BUFFER_USAGE.uniform) return acquire(...wanted);
      const isFilled = isMapped || usage === BUFFER_USAGE.uniform;
      const buffer = (isFilled ? undefined : this.free.get(size)?.pop()) ?? acquire(...wanted);
      if (isFilled) this.lasting.add(buffer);
      this.isUsed.set(buffer, true);
      this.numbers.set(buffer, this.asked++);
      return buffer;
    };
    this.isOpen = true;
    try {
      return run();
    } finally {
      this.isOpen = false;
      this.numbers.clear();
      pool.acquireBuffer = acquire;
    }
  }

  /** Hears of a buffer that is given back, and whether it is one of these. */
  takesBack(buffer: GPUBuffer): boolean {
    if (!this.isUsed.has(buffer)) return false;
    this.isUsed.set(buffer, false);
    if (!this.isOpen || this.lasting.has(buffer)) return true;
    const same = this.free.get(buffer.size) ?? [];
    same.push(buffer);
    this.free.set(buffer.size, same);
    return true;
  }

  /** Gives back what no tensor has, and `others`. What tensors still have, they will give back themselves. */
  giveBack(others: readonly GPUBuffer[]): void {
    const [given, isUsed] = [new Set(others), [...this.isUsed]];
    this.isUsed.clear();
    this.free.clear();
    this.lasting.clear();
    for (const [buffer, used] of isUsed) if (!used || given.has(buffer)) this.pool.releaseBuffer(buffer);
  }
}
