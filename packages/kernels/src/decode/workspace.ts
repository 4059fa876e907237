import type { Tensor } from '@tensorflow/tfjs-core';
import { PackedLinear, type PackedLinearOptions } from '../packed-linear/packed-linear';
import type { Heap } from '../wasm/heap';
import { currentMachine, hasMachine } from '../wasm/machines';
import type { ConvolutionSizes, DecayStep, NormOptions, SelectiveStep, TimeSteps } from './steps';

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

  /** Runs the steps of a token, between which threads stay awake. */
  together(steps: () => void): void {
    currentMachine('DecodeWorkspace').chain(steps);
  }

  /** y = weight x / √(mean(x²) + eps), rows [rows, width]; y may be x. See {@link NormOptions}. */
  rmsNorm(x: number, weight: number, y: number, rows: number, width: number, eps: number, options: NormOptions = {}): void {
    const { gate = 0, size = width, inside = false } = options;
    const { module, run } = currentMachine('DecodeWorkspace');
    run('rmsNorm', module.rmsNormBlocks(rows, width), 0, x, weight, gate, y, rows, width, size, eps, Number(inside));
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

  /** One step of the decay scan and its dense read-out. */
  decay(s: DecayStep): void {
    const { module, run } = currentMachine('DecodeWorkspace');
    const { batch, heads, groups, keys, values } = s;
    const read = [s.sources ?? 0, s.sourceCount ?? 0, s.gate ?? 0];
    const given = [s.q, s.k, s.stride, s.v, s.vStride, s.decay, s.scale ?? 0, s.skip ?? 0, s.state, ...read, s.o];
    run('decayStep', module.decayStepBlocks(batch, heads, keys, values), 0, ...given, batch, heads, heads / groups, keys, values);
  }

  /** y = x σ(x), y [rows, size], x in rows that are `stride` floats apart. */
  siluRows(x: number, stride: number, y: number, rows: number, size: number): void {
    currentMachine('DecodeWorkspace').run('siluRows', 1, 0, x, stride, y, rows, size);
  }

  /** y = own + silu(gate) ⊙ Σ of what lies at the `count` addresses of `sources`, all of `size` values; without a gate (0) it is 1. */
  denseSum(own: number, gate: number, sources: number, count: number, y: number, size: number): void {
    currentMachine('DecodeWorkspace').run('denseSum', 1, 0, own, gate, sources, count, y, size);
  }

  /** Rotates the pairs (a, b) of x [rows, size] to scale (a cos − b sin, b cos + a sin), cos and sin [size/2], scale [rows]. */
  rotate(x: number, cos: number, sin: number, scale: number, rows: number, size: number): void {
    currentMachine('DecodeWorkspace').run('rotateRows', 1, 0, x, cos, sin, scale, rows, size);
  }

  /** y = f(x) ⊙ gate, of `size` values. */
  gatedUnit(x: number, gate: number, y: number, size: number, f: 'silu' | 'gelu' | 'relu'): void {
    currentMachine('DecodeWorkspace').run('gatedUnit', 1, 0, x, gate, y, size, ['silu', 'gelu', 'relu'].indexOf(f));
  }

  /** Δ = softplus(x + bias) within the limits and the decay e^(Δ A), both [batch, heads]. */
  timeSteps(s: TimeSteps): void {
    const given = [s.x, s.stride, s.bias, s.A, ...s.limits, s.delta, s.decay, s.batch, s.heads];
    currentMachine('DecodeWorkspace').run('timeSteps', 1, 0, ...given);
  }

  /** Frees all buffers and weights; a second time does nothing. */
  dispose(): void {
    for (const matrix of this.#matrices.splice(0)) matrix.dispose();
    for (const address of this.#buffers.splice(0)) this.#heap.free(address);
  }
}
