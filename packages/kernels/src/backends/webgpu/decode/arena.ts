/// <reference types="@webgpu/types" />
import type { Slot } from '../../../decode/slot';
import { BUFFER_USAGE } from '../buffers';
import type { Gpu } from '../gpu';
import { noRoom } from '../packed/errors';

const FLOAT_BYTES = 4;
/** Buffers begin at multiples of four floats, which shaders may read as one. */
const ALIGNMENT = 4;

/** A place in the arena, in floats. */
export class GpuSlot implements Slot {
  readonly offset: number;

  constructor(offset: number) {
    this.offset = offset;
  }

  at(floats: number): GpuSlot {
    return new GpuSlot(this.offset + floats);
  }
}

export const offsetOf = (slot: Slot): number => (slot as GpuSlot).offset;

/**
 * All buffers of a program in one, so that a shader may read any number of them through one binding. Its size is known, and its room taken, once the
 * program was recorded.
 */
export class Arena {
  readonly #gpu: Gpu;
  readonly #where: string;
  #floats = 0;
  /** Values until there is room for them. */
  readonly #constants: { offset: number; values: Float32Array }[] = [];
  #buffer: GPUBuffer | undefined;

  constructor(gpu: Gpu, where: string) {
    this.#gpu = gpu;
    this.#where = where;
  }

  /** Room for values, 0 at first. @throws SsmError BACKEND where the device cannot bind as much */
  reserve(floats: number): GpuSlot {
    const slot = new GpuSlot(this.#floats);
    this.#floats += ALIGNMENT * Math.ceil(floats / ALIGNMENT);
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#gpu.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (this.#floats * FLOAT_BYTES > most) throw noRoom(this.#where, this.#floats * FLOAT_BYTES, most);
    return slot;
  }

  constant(values: Float32Array): GpuSlot {
    const slot = this.reserve(values.length);
    this.#constants.push({ offset: slot.offset, values: values.slice() });
    return slot;
  }

  /** The buffer, made by the first call; nothing can be reserved after it. */
  get buffer(): GPUBuffer {
    if (this.#buffer) return this.#buffer;
    const size = Math.max(1, this.#floats) * FLOAT_BYTES;
    this.#buffer = this.#gpu.backend.device.createBuffer({ label: this.#where, size, usage: BUFFER_USAGE.storage });
    for (const { offset, values } of this.#constants.splice(0)) this.write(offset, values);
    return this.#buffer;
  }

  /** Before whatever is submitted from now on. */
  write(offset: number, values: Float32Array): void {
    if (values.length > 0)
      this.#gpu.backend.device.queue.writeBuffer(this.buffer, offset * FLOAT_BYTES, values as Float32Array<ArrayBuffer>);
  }

  /** Records a copy of values to a place of another buffer, its start unless given. The bytes that it takes. */
  copy(encoder: GPUCommandEncoder, offset: number, floats: number, to: GPUBuffer, at = 0): number {
    const bytes = floats * FLOAT_BYTES;
    if (bytes > 0) encoder.copyBufferToBuffer(this.buffer, offset * FLOAT_BYTES, to, at, bytes);
    return bytes;
  }

  /** Records a copy of values from a place of another buffer. The bytes that it takes. */
  copyBack(encoder: GPUCommandEncoder, from: GPUBuffer, at: number, offset: number, floats: number): number {
    const bytes = floats * FLOAT_BYTES;
    if (bytes > 0) encoder.copyBufferToBuffer(from, at, this.buffer, offset * FLOAT_BYTES, bytes);
    return bytes;
  }

  dispose(): void {
    this.#buffer?.destroy();
  }
}
