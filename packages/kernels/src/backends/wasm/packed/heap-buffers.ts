import { currentRuntime } from '../wasm-runtime';

/** Buffers on the heap of the wasm backend in use, freed together: what tests multiply between addresses. */
export class HeapBuffers {
  readonly #heap = currentRuntime('HeapBuffers').heap;
  readonly #addresses: number[] = [];

  floats(values: Float32Array): number {
    const address = this.#heap.allocate(4 * values.length);
    this.#addresses.push(address);
    new Float32Array(this.#heap.buffer, address, values.length).set(values);
    return address;
  }

  read(address: number, size: number): Float32Array {
    return this.#heap.copyOf(address, size);
  }

  dispose(): void {
    for (const address of this.#addresses.splice(0)) this.#heap.free(address);
  }
}
