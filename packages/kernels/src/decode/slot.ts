/** A place in the buffers of a `DecodeProgram`. What it stands for (an address, a buffer and an offset) only that program's backend knows. */
export interface Slot {
  /** The place so many float32 values further on in the same buffer. */
  at(floats: number): Slot;
}
