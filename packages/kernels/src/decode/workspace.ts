import type { Tensor } from '@tensorflow/tfjs-core';
import { PackedLinear, type PackedLinearOptions } from '../packed-linear/packed-linear';
import type { Heap } from '../wasm/heap';
import { currentMachine, hasMachine } from '../wasm/machines';

/** What a token passes in a layer of Mamba between its products; addresses on the heap, for `batch` texts. */
export interface SelectiveStep {
  /** [B, E] */
  u: number;
  /** Before its softplus, [B, E]. */
  delta: number;
  /** In units of ln 2, so that decays are powers of 2: [E, N]. */
  A: number;
  /** B and C side by side, rows [2 N], `bcStride` floats apart. */
  bc: number;
  bcStride: number;
  /** [E] */
  D: number;
  /** Replaced, [B, E, N]. */
  h: number;
  /** Rows [E], `zStride` floats apart. */
  z: number;
  zStride: number;
  /** Addresses of the states that are read densely, as 32-bit words; and how many. */
  sources: number;
  sourceCount: number;
  /** Gate of the sources, [B, E]; 0 for none. */
  gate: number;
  /** [B, E] */
  y: number;
  batch: number;
  channels: number;
  stateSize: number;
}

/**
 * Buffers and packed weights on the heap of tfjs's wasm backend, and what reads one token with them: single calls of our WebAssembly, no
 * operation of tfjs, no tensor. Works between addresses and trusts its caller with their sizes. Owns memory: dispose of it.
 */
export class DecodeWorkspace {
  readonly #heap: Heap;
  readonly #buffers: number[] = [];
  readonly #matrices: PackedLinear[] = [];

  /** @throws SsmError BACKEND where our kernels do not run on the backend in use */
  constructor() {
    this.#heap = currentMachine('DecodeWorkspace').heap;
  }

  /** Whether the backend in use runs our kernels. */
  static isPossible(): boolean {
    return hasMachine();
  }

  /** Address of a buffer of zeros, or of a copy. @throws SsmError BACKEND without room */
  floats(given: number | Float32Array): number {
    const size = typeof given === 'number' ? given : given.length;
    const address = this.#heap.allocate(4 * size);
    this.#buffers.push(address);
    if (typeof given !== 'number') this.view(address, size).set(given);
    return address;
  }

  /** Address of 32-bit words. */
  words(values: readonly number[]): number {
    const address = this.floats(values.length);
    new Uint32Array(this.#heap.buffer, address, values.length).set(values);
    return address;
  }

  /** What lies in a buffer. Not to be kept: the heap may grow. */
  view(address: number, size: number): Float32Array {
    return new Float32Array(this.#heap.buffer, address, size);
  }

  /** Address of a copy of a tensor; 0 for none. @throws SsmError BACKEND without room */
  async copyOf(tensor: Tensor | undefined): Promise<number> {
    return tensor ? this.floats((await tensor.data()) as Float32Array) : 0;
  }

  /**
   * A matrix [out, width] packed, see {@link PackedLinear.pack}: its end comes with the workspace's. One that is packed already is given back
   * in whatever type it is, and stays its owner's.
   */
  async matrix(weights: Tensor | PackedLinear, options: PackedLinearOptions): Promise<PackedLinear> {
    if (weights instanceof PackedLinear) return weights;
    const packed = PackedLinear.pack((await weights.data()) as Float32Array, weights.shape as [number, number], options);
    this.#matrices.push(packed);
    return packed;
  }

  /** y = weight x / √(mean(x²) + eps), rows [rows, width]. */
  rmsNorm(x: number, weight: number, y: number, rows: number, width: number, eps: number): void {
    const { module, run } = currentMachine('DecodeWorkspace');
    run('rmsNorm', module.rmsNormBlocks(rows, width), 0, x, weight, 0, y, rows, width, width, eps, 0);
  }

  /** x becomes x σ(x). */
  silu(x: number, size: number): void {
    const { module, run } = currentMachine('DecodeWorkspace');
    run('silu', module.elementBlocks(size), 0, x, x, size);
  }

  /** y = silu(bias + w ∗ x): x rows [E], `stride` floats apart, w [E, W], bias [E] or 0, tail [B, E, W−1] replaced, y [B, E]. */
  convolution(addresses: { x: number; w: number; bias: number; tail: number; y: number }, sizes: ConvolutionSizes): void {
    const { x, w, bias, tail, y } = addresses;
    const { stride, batch, channels, width } = sizes;
    currentMachine('DecodeWorkspace').run('convolutionStep', 1, 0, x, stride, w, bias, tail, y, batch, channels, width);
  }

  /** One step of the selective scan, its dense read-out and the gate z. */
  selective(s: SelectiveStep): void {
    const { module, run } = currentMachine('DecodeWorkspace');
    const read = [s.z, s.zStride, s.sources, s.sourceCount, s.gate];
    const given = [s.u, s.delta, s.A, s.bc, s.bcStride, s.D, s.h, ...read, s.y, s.channels, s.stateSize];
    run('selectiveStep', module.selectiveStepBlocks(s.batch, s.channels, s.stateSize), 0, ...given);
  }

  /** Frees all buffers and weights; a second time does nothing. */
  dispose(): void {
    for (const matrix of this.#matrices.splice(0)) matrix.dispose();
    for (const address of this.#buffers.splice(0)) this.#heap.free(address);
  }
}

export interface ConvolutionSizes {
  stride: number;
  batch: number;
  channels: number;
  width: number;
}
