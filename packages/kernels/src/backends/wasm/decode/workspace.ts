import type { Tensor } from '@tensorflow/tfjs-core';
import type { ConvolutionSizes, DecayStep, NormOptions, PackedProduct, SelectiveStep, TimeSteps } from '../../../decode/steps';
import type { PackedMatrixOptions } from '../../../packed/empty-matrix';
import type { Heap } from '../heap';
import { PackedLinear } from '../packed/packed-linear';
import { currentRuntime, type KernelCall, wasmRuntimeOf } from '../wasm-runtime';
import type { DecodeModule } from './module';

/**
 * Buffers and packed weights on the heap of tfjs's wasm backend, and what reads one token with them. A step is noted once, between addresses
 * that stay what they are, and {@link play} takes all of them for every token: calls of our WebAssembly, no operation of tfjs, no tensor. It
 * trusts its caller with sizes. Owns memory: dispose of it.
 */
export class DecodeWorkspace {
  readonly #heap: Heap;
  readonly #buffers: number[] = [];
  readonly #matrices: PackedLinear[] = [];
  readonly #module: DecodeModule;
  /** Kernels one after the other, and functions of the host between them. */
  readonly #steps: (KernelCall[] | (() => void))[] = [];
  /** The matrices of the steps. */
  readonly #used = new Set<PackedLinear>();
  /** Where products with weights in whole numbers have their x. */
  readonly #rooms: { address: number; bytes: number }[] = [];

  /** @throws SsmError BACKEND where our kernels do not run on the backend in use */
  constructor() {
    const { heap, module } = currentRuntime('DecodeWorkspace');
    this.#heap = heap;
    this.#module = module as unknown as DecodeModule;
  }

  /** Whether the backend in use runs our kernels. */
  static isPossible(): boolean {
    return wasmRuntimeOf() !== undefined;
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

  /** A copy of what lies in a buffer. */
  read(address: number, size: number): Float32Array {
    return this.#heap.copyOf(address, size);
  }

  /** Address of a copy of a tensor; 0 for none. @throws SsmError BACKEND without room */
  async copyOf(tensor: Tensor | undefined): Promise<number> {
    return tensor ? this.floats((await tensor.data()) as Float32Array) : 0;
  }

  /**
   * A matrix [out, width] packed, see {@link PackedLinear.pack}: its end comes with the workspace's. One that is packed already is given back
   * in whatever type it is, and stays its owner's.
   */
  async matrix(weights: Tensor | PackedLinear, options: PackedMatrixOptions): Promise<PackedLinear> {
    if (weights instanceof PackedLinear) return weights;
    const packed = PackedLinear.pack((await weights.data()) as Float32Array, weights.shape as [number, number], options);
    this.#matrices.push(packed);
    return packed;
  }

  /** Notes a function of the host. */
  host(step: () => void): void {
    this.#steps.push(step);
  }

  /** y = x wᵀ for `rows` rows, of products that do not depend on each other. */
  products(rows: number, products: readonly PackedProduct[]): void {
    const converted = new Map<string, number>();
    const multiplications: KernelCall[] = [];
    for (const { matrix, x, y, ...options } of products) {
      const bytes = matrix.activationsBytes(rows);
      const what = `${x} ${options.stride ?? matrix.width} ${matrix.width} ${bytes}`;
      const known = converted.get(what);
      const activations = known ?? (bytes > 0 ? this.#activations(bytes, converted.size) : 0);
      const { convert, multiply } = matrix.steps(x, y, rows, bytes > 0 ? activations : 0, options);
      if (convert && known === undefined) this.#call(convert);
      if (convert) converted.set(what, activations);
      multiplications.push(multiply);
      this.#used.add(matrix);
    }
    for (const call of this.#joined(multiplications)) this.#call(call);
  }

  /** Room for one x of several that are there at once. */
  #activations(bytes: number, place: number): number {
    const room = this.#rooms[place];
    if (room && room.bytes >= bytes) return room.address;
    const address = this.floats(bytes / 4);
    this.#rooms[place] = { address, bytes };
    return address;
  }

  #joined(calls: readonly KernelCall[]): readonly KernelCall[] {
    if (calls.length < 2 || calls.some(({ kernel }) => kernel !== 'packedLinear')) return calls;
    const table = this.words(calls.flatMap(({ given, blocks }) => [...given, blocks]));
    return [{ kernel: 'packedLinears', blocks: calls.reduce((sum, { blocks }) => sum + blocks, 0), scratchBytes: 0, given: [table] }];
  }

  /** y = weight x / √(mean(x²) + eps), rows [rows, width]; y may be x. See {@link NormOptions}. */
  rmsNorm(x: number, weight: number, y: number, rows: number, width: number, eps: number, options: NormOptions = {}): void {
    const { gate = 0, size = width, inside = false } = options;
    this.#note('rmsNorm', this.#module.rmsNormBlocks(rows, width), [x, weight, gate, y, rows, width, size, eps, Number(inside)]);
  }

  /** y = silu(bias + w ∗ x): x rows [E], `stride` floats apart, w [E, W], bias [E] or 0, tail [B, E, W−1] replaced, y [B, E]. */
  convolution(addresses: { x: number; w: number; bias: number; tail: number; y: number }, sizes: ConvolutionSizes): void {
    const { x, w, bias, tail, y } = addresses;
    const { stride, batch, channels, width } = sizes;
    const blocks = this.#module.convolutionStepBlocks(batch, channels);
    this.#note('convolutionStep', blocks, [x, stride, w, bias, tail, y, channels, width]);
  }

  /** One step of the selective scan, its dense read-out and the gate z. */
  selective(s: SelectiveStep): void {
    const read = [s.z, s.zStride, s.sources, s.sourceCount, s.gate];
    const given = [s.u, s.delta, s.A, s.bc, s.bcStride, s.D, s.h, ...read, s.y, s.channels, s.stateSize];
    const scratchBytes = this.#module.selectiveStepScratchBytes(s.stateSize);
    this.#note('selectiveStep', this.#module.selectiveStepBlocks(s.batch, s.channels, s.stateSize), given, scratchBytes);
  }

  /** One step of the decay scan and its dense read-out. */
  decay(s: DecayStep): void {
    const { batch, heads, groups, keys, values } = s;
    const read = [s.sources ?? 0, s.sourceCount ?? 0, s.gate ?? 0];
    const given = [s.q, s.k, s.stride, s.v, s.vStride, s.decay, s.scale ?? 0, s.skip ?? 0, s.state, ...read, s.o];
    const sizes = [batch, heads, heads / groups, keys, values];
    this.#note('decayStep', this.#module.decayStepBlocks(batch, heads, keys, values), [...given, ...sizes]);
  }

  /** y = x σ(x), y [rows, size], x in rows that are `stride` floats apart. */
  siluRows(x: number, stride: number, y: number, rows: number, size: number): void {
    this.#note('siluRows', this.#module.valueBlocks(rows, size), [x, stride, y, size]);
  }

  /** y = own + silu(gate) ⊙ Σ of what lies at the `count` addresses of `sources`, all of `size` values; without a gate (0) it is 1. */
  denseSum(own: number, gate: number, sources: number, count: number, y: number, size: number): void {
    this.#note('denseSum', this.#module.valueBlocks(1, size), [own, gate, sources, count, y, size]);
  }

  /** Rotates the pairs (a, b) of x [rows, size] to scale (a cos − b sin, b cos + a sin), cos and sin [size/2], scale [rows]. */
  rotate(x: number, cos: number, sin: number, scale: number, rows: number, size: number): void {
    this.#note('rotateRows', 1, [x, cos, sin, scale, rows, size]);
  }

  /** y = f(x) ⊙ gate, of `size` values. */
  gatedUnit(x: number, gate: number, y: number, size: number, f: 'silu' | 'gelu' | 'relu'): void {
    this.#note('gatedUnit', this.#module.valueBlocks(1, size), [x, gate, y, size, ['silu', 'gelu', 'relu'].indexOf(f)]);
  }

  /** Δ = softplus(x + bias) within the limits and the decay e^(Δ A), both [batch, heads]. */
  timeSteps(s: TimeSteps): void {
    this.#note('timeSteps', 1, [s.x, s.stride, s.bias, s.A, ...s.limits, s.delta, s.decay, s.batch, s.heads]);
  }

  #note(kernel: keyof DecodeModule, blocks: number, given: readonly number[], scratchBytes = 0): void {
    this.#call({ kernel, blocks, scratchBytes, given });
  }

  #call(call: KernelCall): void {
    const last = this.#steps.at(-1);
    if (Array.isArray(last)) last.push(call);
    else this.#steps.push([call]);
  }

  /** Takes all steps that were noted. @throws SsmError STATE on another backend, or where a matrix was disposed of */
  play(): void {
    let bytes = 0;
    for (const matrix of this.#used) {
      matrix.check();
      bytes += matrix.sizeBytes;
    }
    const runtime = currentRuntime('DecodeWorkspace');
    const playAll = (): void => {
      for (const step of this.#steps) Array.isArray(step) ? runtime.runAll(step) : step();
    };
    const [first] = this.#used;
    first ? runtime.prefetchOf(first.type).read(bytes, playAll) : playAll();
  }

  /** Frees all buffers and weights; a second time does nothing. */
  dispose(): void {
    for (const matrix of this.#matrices.splice(0)) matrix.dispose();
    for (const address of this.#buffers.splice(0)) this.#heap.free(address);
  }
}
