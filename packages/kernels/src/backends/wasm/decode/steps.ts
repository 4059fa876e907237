import type { PackedMatrix } from '@densessm/ssm-core';
import type { StepRecorder } from '../../../decode/program';
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
import type { PackedLinear } from '../packed/packed-linear';
import type { KernelCall } from '../wasm-runtime';
import type { DecodeModule } from './module';
import { addressOf, FLOAT_BYTES } from './wasm-slot';

/** What the steps of a program have in common, whatever the number of rows. */
export interface ProgramRoom {
  readonly module: DecodeModule;
  /** Of the tokens that are read. */
  readonly ids: ArrayLike<number>;
  /** Address of room that the program frees. @throws SsmError BACKEND */
  allocate(floats: number): number;
  /** Not to be kept: the heap may grow. */
  view(address: number, size: number): Float32Array;
  /** Address of room for the quantized activations of the given x of products that run as one. */
  activationsAt(index: number, bytes: number): number;
  /** The matrices of the products. */
  readonly matrices: Set<PackedLinear>;
  /** @throws SsmError WEIGHTS where it is another backend's */
  ownMatrix(matrix: PackedMatrix): PackedLinear;
}

/** The calls that a program makes for the first `rows` rows of its buffers. */
export class WasmSteps implements StepRecorder {
  /** Kernels one after the other, and functions of the host between them. */
  readonly calls: (KernelCall[] | (() => void))[] = [];
  readonly #room: ProgramRoom;
  readonly #module: DecodeModule;
  readonly #rows: number;

  constructor(room: ProgramRoom, rows: number) {
    this.#room = room;
    this.#module = room.module;
    this.#rows = rows;
  }

  gather({ matrix: given, y }: GatherStep): void {
    const matrix = this.#room.ownMatrix(given);
    const [address, width] = [addressOf(y), matrix.width];
    this.calls.push(() => {
      for (let row = 0; row < this.#rows; row++)
        this.#room.view(address + FLOAT_BYTES * row * width, width).set(matrix.row(this.#room.ids[row] as number));
    });
  }

  setUniforms({ to, size, next }: UniformsStep): void {
    const address = addressOf(to);
    this.calls.push(() => next(this.#room.view(address, size), this.#rows));
  }

  scale({ x, factor, size }: ScaleStep): void {
    const [address, count] = [addressOf(x), this.#rows * size];
    this.calls.push(() => {
      const values = this.#room.view(address, count);
      for (let i = 0; i < count; i++) values[i] = (values[i] as number) * factor;
    });
  }

  products(steps: readonly ProductStep[]): void {
    const converted = new Map<string, number>();
    const multiplications: KernelCall[] = [];
    for (const { matrix: given, x, y, bias, ...options } of steps) {
      const matrix = this.#room.ownMatrix(given);
      const bytes = matrix.activationsBytes(this.#rows);
      const what = `${addressOf(x)} ${options.stride ?? matrix.width} ${matrix.width} ${bytes}`;
      const known = converted.get(what);
      const activations = known ?? (bytes > 0 ? this.#room.activationsAt(converted.size, bytes) : 0);
      const { convert, multiply } = matrix.steps(addressOf(x), addressOf(y), this.#rows, activations, {
        ...options,
        bias: addressOf(bias),
      });
      if (convert && known === undefined) this.#record(convert);
      if (convert) converted.set(what, activations);
      multiplications.push(multiply);
      this.#room.matrices.add(matrix);
    }
    for (const call of this.#joined(multiplications)) this.#record(call);
  }

  rmsNorm({ x, weight, y, width, eps, groupSize = width, gate }: RmsNormStep): void {
    const stride = gate?.stride ?? width;
    const rows = stride === width ? this.#rows : 1;
    for (let row = 0; row < this.#rows; row += rows) {
      const [from, to, gated] = [x.at(row * width), y.at(row * width), gate?.x.at(row * stride)];
      const given = [addressOf(from), addressOf(weight), addressOf(gated), addressOf(to), rows, width, groupSize, eps];
      this.#note('rmsNorm', this.#module.rmsNormBlocks(rows, width), [...given, Number(gate?.inside ?? false)]);
    }
  }

  convolution({ x, stride, w, bias, tail, y, channels, width }: ConvolutionStep): void {
    const given = [addressOf(x), stride, addressOf(w), addressOf(bias), addressOf(tail), addressOf(y), channels, width];
    this.#note('convolutionStep', this.#module.convolutionStepBlocks(this.#rows, channels), given);
  }

  selective({ u, delta, A, bc, bcStride, D, h, z, zStride, sources, gate, y, channels, stateSize }: SelectiveStep): void {
    const scan = [addressOf(u), addressOf(delta), addressOf(A), addressOf(bc), bcStride, addressOf(D), addressOf(h)];
    const read = [addressOf(z), zStride, this.#table(sources), sources.length, addressOf(gate)];
    const blocks = this.#module.selectiveStepBlocks(this.#rows, channels, stateSize);
    const scratchBytes = this.#module.selectiveStepScratchBytes(stateSize);
    this.#note('selectiveStep', blocks, [...scan, ...read, addressOf(y), channels, stateSize], scratchBytes);
  }

  decay({ q, k, stride, v, vStride, decay, scale, skip, state, sources = [], gate, o, heads, groups, keys, values }: DecayStep): void {
    const scan = [addressOf(q), addressOf(k), stride, addressOf(v), vStride, addressOf(decay), addressOf(scale), addressOf(skip)];
    const read = [addressOf(state), this.#table(sources), sources.length, addressOf(gate), addressOf(o)];
    const blocks = this.#module.decayStepBlocks(this.#rows, heads, keys, values);
    this.#note('decayStep', blocks, [...scan, ...read, this.#rows, heads, heads / groups, keys, values]);
  }

  silu({ x, stride, y, size }: SiluStep): void {
    this.#note('siluRows', this.#module.valueBlocks(this.#rows, size), [addressOf(x), stride, addressOf(y), size]);
  }

  denseSum({ own, gate, sources, y, size }: DenseSumStep): void {
    const count = this.#rows * size;
    const given = [addressOf(own), addressOf(gate), this.#table(sources), sources.length, addressOf(y), count];
    this.#note('denseSum', this.#module.valueBlocks(1, count), given);
  }

  rotate({ x, cos, sin, scale, heads, size }: RotateStep): void {
    this.#note('rotateRows', 1, [addressOf(x), addressOf(cos), addressOf(sin), addressOf(scale), this.#rows, heads, size]);
  }

  gatedUnit({ x, gate, y, size, activation }: GatedUnitStep): void {
    const count = this.#rows * size;
    const kind = ['silu', 'gelu', 'relu'].indexOf(activation);
    this.#note('gatedUnit', this.#module.valueBlocks(1, count), [addressOf(x), addressOf(gate), addressOf(y), count, kind]);
  }

  timeSteps({ x, stride, bias, A, limits, delta, decay, heads }: TimeStepsStep): void {
    const given = [addressOf(x), stride, addressOf(bias), addressOf(A), ...limits, addressOf(delta), addressOf(decay)];
    this.#note('timeSteps', 1, [...given, this.#rows, heads]);
  }

  /** Address of the addresses of slots, as 32-bit words. */
  #table(slots: readonly Slot[]): number {
    return this.#words(slots.map(addressOf));
  }

  #words(values: readonly number[]): number {
    const address = this.#room.allocate(values.length);
    new Uint32Array(this.#room.view(address, values.length).buffer, address, values.length).set(values);
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
    const last = this.calls.at(-1);
    if (Array.isArray(last)) last.push(call);
    else this.calls.push([call]);
  }
}
