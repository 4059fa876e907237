import type { Slot } from '../../../decode/slot';

export const FLOAT_BYTES = 4;

/** A place on the heap. */
export class WasmSlot implements Slot {
  readonly address: number;

  constructor(address: number) {
    this.address = address;
  }

  at(floats: number): Slot {
    return new WasmSlot(this.address + FLOAT_BYTES * floats);
  }
}

/** 0, as our kernels expect it, where there is none. */
export const addressOf = (slot: Slot | undefined): number => (slot ? (slot as WasmSlot).address : 0);
