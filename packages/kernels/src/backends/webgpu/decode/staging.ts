/// <reference types="@webgpu/types" />
import { disposedDecoder } from '../../../decode/errors';
import { BUFFER_USAGE } from '../buffers';
import type { Gpu } from '../gpu';

/** Buffers that the host reads what a decoder computes from. */
export class Staging {
  readonly #gpu: Gpu;
  readonly #where: string;
  /** Those that can be mapped and are not in use. */
  readonly #free: GPUBuffer[] = [];
  #isDisposed = false;

  constructor(gpu: Gpu, where: string) {
    this.#gpu = gpu;
    this.#where = where;
  }

  take(bytes: number): GPUBuffer {
    const at = this.#free.findIndex(({ size }) => size === bytes);
    const [known] = at < 0 ? [] : this.#free.splice(at, 1);
    return known ?? this.#gpu.backend.device.createBuffer({ label: this.#where, size: bytes, usage: BUFFER_USAGE.read });
  }

  /** For the next that takes one of its size. */
  giveBack(buffer: GPUBuffer): void {
    if (this.#isDisposed) buffer.destroy();
    else this.#free.push(buffer);
  }

  /**
   * Lends the bytes of a buffer, once what was submitted so far has been computed, and then gives it back.
   * @throws SsmError STATE where this was disposed of meanwhile, LOST or BACKEND where the device failed
   */
  async read<T>(buffer: GPUBuffer, use: (bytes: ArrayBuffer) => T): Promise<T> {
    try {
      await this.#gpu.mapped(buffer);
    } catch (error) {
      buffer.destroy();
      throw this.#isDisposed ? disposedDecoder(this.#where) : error;
    }
    const result = use(buffer.getMappedRange());
    buffer.unmap();
    this.giveBack(buffer);
    return result;
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const buffer of this.#free.splice(0)) buffer.destroy();
  }
}
