/// <reference types="@webgpu/types" />

/** Room for the numbers of one dispatch: the offset of a binding must be a multiple of it. */
const SLOT_BYTES = 256;
const UNIFORM_AND_COPY_DST = 0x40 | 0x08; // GPUBufferUsage, which exists only where WebGPU does

/**
 * The numbers of the dispatches that were recorded, in one buffer. A slot is written anew only once its dispatch was submitted: the ring is full after
 * `slots` dispatches, and starts again after a submit.
 */
export class UniformRing {
  private readonly buffer: GPUBuffer;
  private readonly slot = new DataView(new ArrayBuffer(SLOT_BYTES));
  private next = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly slots: number,
  ) {
    this.buffer = device.createBuffer({ label: 'uniforms', size: slots * SLOT_BYTES, usage: UNIFORM_AND_COPY_DST });
  }

  get isFull(): boolean {
    return this.next === this.slots;
  }

  restart(): void {
    this.next = 0;
  }

  write(values: readonly (readonly [type: 'u32' | 'i32' | 'f32', value: number])[]): GPUBufferBinding {
    for (const [i, [type, value]] of values.entries()) {
      if (type === 'f32') this.slot.setFloat32(4 * i, value, true);
      else if (type === 'i32') this.slot.setInt32(4 * i, value, true);
      else this.slot.setUint32(4 * i, value, true);
    }
    const offset = SLOT_BYTES * this.next++;
    const size = 16 * Math.ceil(values.length / 4);
    this.device.queue.writeBuffer(this.buffer, offset, this.slot.buffer as ArrayBuffer, 0, size);
    return { buffer: this.buffer, offset, size };
  }
}
