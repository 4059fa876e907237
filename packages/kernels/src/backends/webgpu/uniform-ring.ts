/// <reference types="@webgpu/types" />

/** Room for the numbers of one dispatch: the offset of a binding must be a multiple of it. */
const SLOT_BYTES = 256;
const UNIFORM_AND_COPY_DST = 0x40 | 0x08; // GPUBufferUsage, which exists only where WebGPU does

/** Where the numbers of dispatches go. */
export interface Uniforms {
  /** Whether what was recorded must be handed over before more is. */
  readonly isFull: boolean;
  /** What was recorded is handed over. */
  restart(): void;
  write(values: UniformValues): GPUBufferBinding;
}
export type UniformValues = readonly (readonly [type: 'u32' | 'i32' | 'f32', value: number])[];

/**
 * The numbers of the dispatches that were recorded, in one buffer. A slot is written anew only once its dispatch was submitted: the ring is full after
 * `slots` dispatches, and starts again after a submit.
 */
export class UniformRing implements Uniforms {
  private readonly buffer: GPUBuffer;
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

  write(values: UniformValues): GPUBufferBinding {
    return writeSlot(this.device, this.buffer, this.next++, values);
  }
}

const slot = new DataView(new ArrayBuffer(SLOT_BYTES));

function writeSlot(device: GPUDevice, buffer: GPUBuffer, index: number, values: UniformValues): GPUBufferBinding {
  for (const [i, [type, value]] of values.entries()) {
    if (type === 'f32') slot.setFloat32(4 * i, value, true);
    else if (type === 'i32') slot.setInt32(4 * i, value, true);
    else slot.setUint32(4 * i, value, true);
  }
  const offset = SLOT_BYTES * index;
  const size = 16 * Math.ceil(values.length / 4);
  for (let at = 4 * values.length; at < size; at += 4) slot.setUint32(at, 0); // not what another dispatch left
  device.queue.writeBuffer(buffer, offset, slot.buffer as ArrayBuffer, 0, size);
  return { buffer, offset, size };
}

/** Slots of one buffer of {@link LastingUniforms}. */
const LASTING_SLOTS = 1024;

/** Numbers of dispatches that are done again: each has a slot of its own. */
export class LastingUniforms implements Uniforms {
  private readonly buffers: GPUBuffer[] = [];
  private written = 0;
  private sinceSubmit = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly commandsPerSubmit: number,
  ) {}

  get isFull(): boolean {
    return this.sinceSubmit >= this.commandsPerSubmit;
  }

  restart(): void {
    this.sinceSubmit = 0;
  }

  write(values: UniformValues): GPUBufferBinding {
    const index = this.written++ % LASTING_SLOTS;
    if (index === 0)
      this.buffers.push(this.device.createBuffer({ label: 'uniforms', size: LASTING_SLOTS * SLOT_BYTES, usage: UNIFORM_AND_COPY_DST }));
    this.sinceSubmit++;
    return writeSlot(this.device, this.buffers.at(-1) as GPUBuffer, index, values);
  }

  get bytes(): number {
    return this.buffers.length * LASTING_SLOTS * SLOT_BYTES;
  }

  has(buffer: GPUBuffer): boolean {
    return this.buffers.includes(buffer);
  }

  destroy(): void {
    for (const buffer of this.buffers) buffer.destroy();
  }
}
