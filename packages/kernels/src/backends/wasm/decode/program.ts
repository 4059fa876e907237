import { type PackedMatrix, SsmError } from '@densessm/ssm-core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import { disposedDecoder } from '../../../decode/errors';
import type { DecodeProgram, StateBuffer } from '../../../decode/program';
import type {
  ConvolutionStep,
  DecayStep,
  DenseSumStep,
  GatedUnitStep,
  GatherStep,
  ProductStep,
  RmsNormStep,
  RotateStep,
  ScaleStep,
  SelectiveStep,
  SiluStep,
  TimeStepsStep,
  UniformsStep,
} from '../../../decode/recorded-steps';
import type { Slot } from '../../../decode/slot';
import type { Heap } from '../heap';
import { PackedLinear } from '../packed/packed-linear';
import { currentRuntime, type KernelCall } from '../wasm-runtime';
import type { DecodeModule } from './module';

const FLOAT_BYTES = 4;

class WasmSlot implements Slot {
  readonly address: number;

  constructor(address: number) {
    this.address = address;
  }

  at(floats: number): Slot {
    return new WasmSlot(this.address + FLOAT_BYTES * floats);
  }
}

/** 0, as our kernels expect it, where there is none. */
const addressOf = (slot: Slot | undefined): number => (slot ? (slot as WasmSlot).address : 0);

const sizeOf = ({ shape }: StateBuffer): number => shape.reduce((product, one) => product * one, 1);

/** {@link DecodeProgram} on the heap of tfjs's wasm backend: calls of our WebAssembly, no operation of tfjs, no tensor. It runs while it is submitted. */
export class WasmDecodeProgram implements DecodeProgram {
  readonly where: string;
  readonly batch: number;
  readonly #heap: Heap;
  readonly #module: DecodeModule;
  readonly #buffers: number[] = [];
  /** Kernels one after the other, and functions of the host between them. */
  readonly #steps: (KernelCall[] | (() => void))[] = [];
  /** The matrices of the products. */
  readonly #matrices = new Set<PackedLinear>();
  /** Where products with integer weights have their quantized activations: one for each x of products that run as one. */
  readonly #activations: { address: number; bytes: number }[] = [];
  #ids: ArrayLike<number> = [];
  #isDisposed = false;

  /** @throws SsmError BACKEND where our kernels do not run on the backend in use */
  constructor({ where, batch }: Pick<DecodeProgram, 'where' | 'batch'>) {
    const { heap, module } = currentRuntime(where);
    this.where = where;
    this.batch = batch;
    this.#heap = heap;
    this.#module = module as unknown as DecodeModule;
  }

  zeros(floats: number): Slot {
    return new WasmSlot(this.#allocate(floats));
  }

  constant(values: Float32Array): Slot {
    const address = this.#allocate(values.length);
    this.#view(address, values.length).set(values);
    return new WasmSlot(address);
  }

  async constantOf(given: Tensor): Promise<Slot> {
    return this.constant((await given.data()) as Float32Array);
  }

  gather({ matrix: given, y }: GatherStep): void {
    const matrix = this.#ownMatrix(given);
    const [address, width] = [addressOf(y), matrix.width];
    this.#steps.push(() => {
      for (let row = 0; row < this.batch; row++)
        this.#view(address + FLOAT_BYTES * row * width, width).set(matrix.row(this.#ids[row] as number));
    });
  }

  setUniforms({ to, size, next }: UniformsStep): void {
    const address = addressOf(to);
    this.#steps.push(() => next(this.#view(address, size)));
  }

  scale({ x, factor, size }: ScaleStep): void {
    const [address, count] = [addressOf(x), this.batch * size];
    this.#steps.push(() => {
      const values = this.#view(address, count);
      for (let i = 0; i < count; i++) values[i] = (values[i] as number) * factor;
    });
  }

  products(steps: readonly ProductStep[]): void {
    const converted = new Map<string, number>();
    const multiplications: KernelCall[] = [];
    for (const { matrix: given, x, y, bias, ...options } of steps) {
      const matrix = this.#ownMatrix(given);
      const bytes = matrix.activationsBytes(this.batch);
      const what = `${addressOf(x)} ${options.stride ?? matrix.width} ${matrix.width} ${bytes}`;
      const known = converted.get(what);
      const activations = known ?? (bytes > 0 ? this.#activationsAt(converted.size, bytes) : 0);
      const { convert, multiply } = matrix.steps(addressOf(x), addressOf(y), this.batch, activations, {
        ...options,
        bias: addressOf(bias),
      });
      if (convert && known === undefined) this.#record(convert);
      if (convert) converted.set(what, activations);
      multiplications.push(multiply);
      this.#matrices.add(matrix);
    }
    for (const call of this.#joined(multiplications)) this.#record(call);
  }

  rmsNorm({ x, weight, y, width, eps, groupSize = width, gate }: RmsNormStep): void {
    const stride = gate?.stride ?? width;
    const rows = stride === width ? this.batch : 1;
    for (let row = 0; row < this.batch; row += rows) {
      const [from, to, gated] = [x.at(row * width), y.at(row * width), gate?.x.at(row * stride)];
      const given = [addressOf(from), addressOf(weight), addressOf(gated), addressOf(to), rows, width, groupSize, eps];
      this.#note('rmsNorm', this.#module.rmsNormBlocks(rows, width), [...given, Number(gate?.inside ?? false)]);
    }
  }

  convolution({ x, stride, w, bias, tail, y, channels, width }: ConvolutionStep): void {
    const given = [addressOf(x), stride, addressOf(w), addressOf(bias), addressOf(tail), addressOf(y), channels, width];
    this.#note('convolutionStep', this.#module.convolutionStepBlocks(this.batch, channels), given);
  }

  selective({ u, delta, A, bc, bcStride, D, h, z, zStride, sources, gate, y, channels, stateSize }: SelectiveStep): void {
    const scan = [addressOf(u), addressOf(delta), addressOf(A), addressOf(bc), bcStride, addressOf(D), addressOf(h)];
    const read = [addressOf(z), zStride, this.#table(sources), sources.length, addressOf(gate)];
    const blocks = this.#module.selectiveStepBlocks(this.batch, channels, stateSize);
    const scratchBytes = this.#module.selectiveStepScratchBytes(stateSize);
    this.#note('selectiveStep', blocks, [...scan, ...read, addressOf(y), channels, stateSize], scratchBytes);
  }

  decay({ q, k, stride, v, vStride, decay, scale, skip, state, sources = [], gate, o, heads, groups, keys, values }: DecayStep): void {
    const scan = [addressOf(q), addressOf(k), stride, addressOf(v), vStride, addressOf(decay), addressOf(scale), addressOf(skip)];
    const read = [addressOf(state), this.#table(sources), sources.length, addressOf(gate), addressOf(o)];
    const blocks = this.#module.decayStepBlocks(this.batch, heads, keys, values);
    this.#note('decayStep', blocks, [...scan, ...read, this.batch, heads, heads / groups, keys, values]);
  }

  silu({ x, stride, y, size }: SiluStep): void {
    this.#note('siluRows', this.#module.valueBlocks(this.batch, size), [addressOf(x), stride, addressOf(y), size]);
  }

  denseSum({ own, gate, sources, y, size }: DenseSumStep): void {
    const count = this.batch * size;
    const given = [addressOf(own), addressOf(gate), this.#table(sources), sources.length, addressOf(y), count];
    this.#note('denseSum', this.#module.valueBlocks(1, count), given);
  }

  rotate({ x, cos, sin, scale, heads, size }: RotateStep): void {
    this.#note('rotateRows', 1, [addressOf(x), addressOf(cos), addressOf(sin), addressOf(scale), this.batch * heads, size]);
  }

  gatedUnit({ x, gate, y, size, activation }: GatedUnitStep): void {
    const count = this.batch * size;
    const kind = ['silu', 'gelu', 'relu'].indexOf(activation);
    this.#note('gatedUnit', this.#module.valueBlocks(1, count), [addressOf(x), addressOf(gate), addressOf(y), count, kind]);
  }

  timeSteps({ x, stride, bias, A, limits, delta, decay, heads }: TimeStepsStep): void {
    const given = [addressOf(x), stride, addressOf(bias), addressOf(A), ...limits, addressOf(delta), addressOf(decay)];
    this.#note('timeSteps', 1, [...given, this.batch, heads]);
  }

  submit(ids: ArrayLike<number>): void {
    this.#refuseDisposed();
    this.#ids = ids;
    let bytes = 0;
    for (const matrix of this.#matrices) {
      matrix.check();
      bytes += matrix.sizeBytes;
    }
    const runtime = currentRuntime(this.where);
    const runSteps = (): void => {
      for (const step of this.#steps) Array.isArray(step) ? runtime.runAll(step) : step();
    };
    const [first] = this.#matrices;
    first ? runtime.prefetchOf(first.type).read(bytes, runSteps) : runSteps();
  }

  read(from: Slot, into: Float32Array): Promise<Float32Array> {
    if (this.#isDisposed) return Promise.reject(disposedDecoder(this.where));
    into.set(this.#view(addressOf(from), into.length));
    return Promise.resolve(into);
  }

  async load(buffers: readonly StateBuffer[], tensors: readonly Tensor[]): Promise<void> {
    const values = (await Promise.all(tensors.map((one) => one.data()))) as Float32Array[];
    this.#refuseDisposed();
    for (const [i, buffer] of buffers.entries()) this.#view(addressOf(buffer.slot), sizeOf(buffer)).set(values[i] as Float32Array);
  }

  tensorOf(buffer: StateBuffer): Tensor {
    this.#refuseDisposed();
    return tensor(this.#heap.copyOf(addressOf(buffer.slot), sizeOf(buffer)), [...buffer.shape]);
  }

  dispose(): void {
    this.#isDisposed = true;
    for (const address of this.#buffers.splice(0)) this.#heap.free(address);
  }

  #allocate(floats: number): number {
    const address = this.#heap.allocate(FLOAT_BYTES * floats);
    this.#buffers.push(address);
    return address;
  }

  /** Not to be kept: the heap may grow. */
  #view(address: number, size: number): Float32Array {
    return new Float32Array(this.#heap.buffer, address, size);
  }

  /** Address of the addresses of slots, as 32-bit words. */
  #table(slots: readonly Slot[]): number {
    return this.#words(slots.map(addressOf));
  }

  #words(values: readonly number[]): number {
    const address = this.#allocate(values.length);
    new Uint32Array(this.#heap.buffer, address, values.length).set(values);
    return address;
  }

  #ownMatrix(matrix: PackedMatrix): PackedLinear {
    if (matrix instanceof PackedLinear) return matrix;
    throw new SsmError({
      code: 'WEIGHTS',
      what: `${this.where}: a matrix is not packed for the backend in use.`,
      expected: 'matrices that packParams made on the wasm backend',
      got: 'one that another backend packed',
      fix: 'pack or load the params again on this backend',
    });
  }

  #activationsAt(index: number, bytes: number): number {
    const known = this.#activations[index];
    if (known && known.bytes >= bytes) return known.address;
    const address = this.#allocate(bytes / FLOAT_BYTES);
    this.#activations[index] = { address, bytes };
    return address;
  }

  /** Few-row products as one call, so that threads meet once. */
  #joined(calls: readonly KernelCall[]): readonly KernelCall[] {
    if (calls.length < 2 || calls.some(({ kernel }) => kernel !== 'packedLinear')) return calls;
    const table = this.#words(calls.flatMap(({ given, blocks }) => [...given, blocks]));
    const scratchBytes = Math.max(...calls.map((one) => one.scratchBytes));
    return [{ kernel: 'packedLinears', blocks: calls.reduce((sum, { blocks }) => sum + blocks, 0), scratchBytes, given: [table] }];
  }

  #note(kernel: keyof DecodeModule, blocks: number, given: readonly number[], scratchBytes = 0): void {
    this.#record({ kernel, blocks, scratchBytes, given });
  }

  #record(call: KernelCall): void {
    const last = this.#steps.at(-1);
    if (Array.isArray(last)) last.push(call);
    else this.#steps.push([call]);
  }

  #refuseDisposed(): void {
    if (this.#isDisposed) throw disposedDecoder(this.where);
  }
}
