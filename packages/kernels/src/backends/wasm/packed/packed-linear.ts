import {
  WEIGHT_GROUP as GROUP,
  type IntegerRows,
  type OutputRange,
  type PackedMatrix,
  SsmError,
  WEIGHT_TYPES,
  type WeightType,
} from '@densessm/ssm-core';
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { PackedMatrixOptions } from '../../../packed/empty-matrix';
import { PANEL, packedBytes, unpackRow } from '../../../packed/panel-layout';
import type { Heap } from '../heap';
import type { WasmExports } from '../wasm-kernel';
import { currentRuntime, type KernelCall, type WasmRuntime } from '../wasm-runtime';
import { packActivations, packedLinear, packedProduct, packSums, strassenProduct } from './kernels';
import { linearOfPacked, rowsOfPacked } from './operations';
import { type PackedRoom, packIntegerRows, packRows } from './pack';

/** The most rows of a product in which each row has the bits that it has alone; larger products use the tiles of matMul. */
const MOST_FEW_ROWS = 16;

/** Numbers of assembly-floats.ts. */
const EPILOGUE = { add: 1, silu: 2 } as const;

export interface PackedProductOptions {
  /** The outputs that are computed, all unless given; the first is a multiple of 16. */
  outputs?: OutputRange;
  /** Address of values [out] for all outputs, which are added to every row; 0, the default, for none. */
  bias?: number;
  /** Whether y grows by the product. */
  add?: boolean;
  /** What y is of the product with its bias; not where it grows by it. */
  activation?: 'silu';
  /** Floats from one row of x to the next; `width` unless given. */
  stride?: number;
}

export interface ProductSteps {
  readonly convert?: KernelCall;
  readonly multiply: KernelCall;
}

/**
 * Weights [out, width] on the heap of tfjs's wasm backend, packed once. Owns memory: dispose of it. Products of a few rows, as they occur while
 * decoding, take what it takes to read the weights; those of many rows take no longer than matMul. Quantized, sums are exact inside a group of
 * 32, whose activations keep 16 bits.
 */
export class PackedLinear implements PackedMatrix {
  readonly type: WeightType;
  readonly out: number;
  readonly width: number;
  readonly #where: string;
  readonly #heap: Heap;
  #weights = 0;

  private constructor(heap: Heap, { type, name }: PackedMatrixOptions, out: number, width: number) {
    this.#heap = heap;
    this.#where = name ? `PackedLinear of \`${name}\`` : 'PackedLinear';
    this.type = type;
    this.out = out;
    this.width = width;
  }

  /**
   * Packs weights that lie row by row, as on disk.
   * @throws SsmError BACKEND without our kernels on wasm or without room, OPTION for an unknown type, SHAPE, WEIGHTS where one is not finite
   */
  static pack(weights: Float32Array, shape: readonly [number, number], options: PackedMatrixOptions): PackedLinear {
    const [out, width] = shape;
    checkPacking(out, width, options.type);
    if (weights.length !== out * width) throw badShape('the weights have the wrong length', `${out} · ${width}`, String(weights.length));
    const packed = PackedLinear.empty(shape, options);
    try {
      packed.write(0, weights);
      return packed;
    } catch (error) {
      packed.dispose();
      throw error;
    }
  }

  /** Room for weights, all zero, to be filled by {@link write}. @throws SsmError BACKEND, OPTION or SHAPE as {@link pack} */
  static empty([out, width]: readonly [number, number], options: PackedMatrixOptions): PackedLinear {
    checkPacking(out, width, options.type);
    const { heap } = currentRuntime('PackedLinear');
    const packed = new PackedLinear(heap, options, out, width);
    packed.#weights = heap.allocate(packed.sizeBytes);
    return packed;
  }

  /** Packs rows from a given one on, each once. @throws SsmError SHAPE, STATE, or WEIGHTS where one is not finite */
  write(first: number, rows: Float32Array): void {
    this.#checkRows(first, rows.length);
    packRows(this.#room(), rows, first);
  }

  /** As {@link write}, for rows of integers of this type: no weight is rounded. @throws SsmError SHAPE, STATE or OPTION */
  writeIntegers(first: number, rows: IntegerRows): void {
    this.#checkRows(first, rows.numbers.length);
    const scales = (rows.numbers.length / this.width) * Math.ceil(this.width / GROUP);
    if (rows.scales.length !== scales) throw badShape('the scales have the wrong length', String(scales), String(rows.scales.length));
    if (this.type === 'f32' || this.type === 'bf16') throw badType('integers cannot be kept in this type', 'int8, int4', this.type);
    packIntegerRows(this.#room(), rows, first);
  }

  /** Outputs of a panel. */
  readonly outputAlignment = PANEL;

  get shape(): readonly [number, number] {
    return [this.out, this.width];
  }

  /** What the weights take. */
  get sizeBytes(): number {
    return packedBytes(this.type, this.out, this.width);
  }

  /** y = x wᵀ + bias, x [rows, width], bias [out] → y [rows, out]. @throws SsmError SHAPE or STATE */
  apply(x: Float32Array, rows: number, bias?: Float32Array): Float32Array {
    if (x.length !== rows * this.width)
      throw badShape('the input has the wrong length', `${rows} rows of ${this.width}, that is ${rows * this.width}`, String(x.length));
    if (bias && bias.length !== this.out) throw badShape('the bias has the wrong length', String(this.out), String(bias.length));
    const { heap } = this.#runtime();
    const from = heap.allocate(4 * (x.length + rows * this.out + this.out));
    try {
      const to = from + 4 * x.length;
      const addend = to + 4 * rows * this.out;
      new Float32Array(heap.buffer, from, x.length).set(x);
      new Float32Array(heap.buffer, addend, this.out).set(bias ?? []);
      this.run(from, to, rows, { bias: bias && addend });
      return heap.copyOf(to, rows * this.out);
    } finally {
      heap.free(from);
    }
  }

  /** As {@link apply} between addresses on the heap, which are trusted. @throws SsmError STATE, or BACKEND without room */
  run(x: number, y: number, rows: number, options: PackedProductOptions = {}): void {
    this.runParts(x, [{ y, outputs: [0, this.out] }], rows, options);
  }

  /** As {@link run} for some outputs here and others there; `bias` is that of all. @throws as {@link run} */
  runParts(x: number, parts: readonly { y: number; outputs: OutputRange }[], rows: number, options: PackedProductOptions = {}): void {
    const runtime = this.#runtime();
    const bytes = Math.max(...parts.map(({ outputs: [, size] }) => this.activationsBytes(rows, size)));
    const activations = bytes > 0 ? runtime.heap.shared(bytes) : 0;
    const steps = parts.map(({ y, outputs }) => this.steps(x, y, rows, activations, { ...options, outputs }));
    const convert = steps.find((one) => one.convert)?.convert;
    const multiply = steps.map((one) => one.multiply);
    runtime.runAll(convert ? [convert, ...multiply] : multiply);
  }

  /** Scratch bytes for x as it is multiplied: quantized, or as sums of its quarters; none where it is read as it is. @throws SsmError STATE */
  activationsBytes(rows: number, outputs = this.out): number {
    const { module } = this.#runtime();
    if (this.#isQuantized) return (module.packedActivationsBytes?.(rows, this.width) ?? 0) >>> 0;
    return this.#usesStrassen(rows, outputs, module) ? (module.packedSumsBytes?.(rows, this.width) ?? 0) >>> 0 : 0;
  }

  /** The calls of {@link run}, to be made at any time while the weights are there: x is brought to `activations`, an address that is not 0, and multiplied. @throws SsmError STATE */
  steps(x: number, y: number, rows: number, activations: number, options: PackedProductOptions = {}): ProductSteps {
    const { bias = 0, add = false, activation, stride = this.width, outputs: [first, out] = [0, this.out] } = options;
    const runtime = this.#runtime();
    const { type, width } = this;
    const source = { x, stride, rows, width };
    const result = { bias: bias && bias + 4 * first, y, out, epilogue: add ? EPILOGUE.add : activation ? EPILOGUE[activation] : 0 };
    const weights = this.#weights + packedBytes(type, first, width);
    if (this.#usesStrassen(rows, out, runtime.module))
      return {
        convert: runtime.callOf(packSums, { ...source, to: activations }),
        multiply: runtime.callOf(strassenProduct, { ...source, ...result, weights, sums: activations }),
      };
    const product = { ...source, ...result, kind: WEIGHT_TYPES.indexOf(type), weights, x: this.#isQuantized ? activations : x };
    const multiply =
      rows <= MOST_FEW_ROWS
        ? runtime.callOf(packedLinear, { ...product, prefetch: runtime.prefetchOf(type).address })
        : runtime.callOf(packedProduct, product);
    if (!this.#isQuantized) return { multiply };
    return { convert: runtime.callOf(packActivations, { ...source, to: activations }), multiply };
  }

  get #isQuantized(): boolean {
    return this.type === 'int8' || this.type === 'int4';
  }

  /** Whether this product is a Strassen multiplication. */
  #usesStrassen(rows: number, out: number, module: WasmExports): boolean {
    return this.type === 'f32' && module.strassenApplies?.(rows, this.width, out) !== 0;
  }

  /** @throws SsmError STATE where the weights are no longer there, or the backend in use is another */
  check(): void {
    this.#runtime();
  }

  /** {@link run} as an operation of tfjs: x [..., width], bias [out] → [..., out]. @throws SsmError SHAPE, DTYPE, STATE or BACKEND */
  linear(x: Tensor, bias?: Tensor1D): Tensor {
    return this.linearParts(x, [[0, this.out]], bias)[0] as Tensor;
  }

  /** As {@link linear}, each of some ranges of outputs apart. @throws as {@link linear} */
  linearParts(x: Tensor, parts: readonly OutputRange[], bias?: Tensor1D): Tensor[] {
    return linearOfPacked({ x, bias }, { matrix: this, parts });
  }

  /** Rows by id, as an operation of tfjs: ids [B, T] int32 → [B, T, width]. @throws SsmError TOKENS, STATE or BACKEND */
  embedding(ids: Tensor2D): Tensor3D {
    return rowsOfPacked({ ids }, { matrix: this });
  }

  /** The weights of one output as they are after packing, [width]. @throws SsmError SHAPE or STATE */
  row(output: number): Float32Array {
    this.#checkRows(output, this.width);
    return unpackRow(this.type, this.#bytes(), this.width, output);
  }

  /** Frees the memory; a second time does nothing. */
  dispose(): void {
    this.#heap.free(this.#weights);
    this.#weights = 0;
  }

  #checkRows(first: number, values: number): void {
    this.#runtime();
    const rows = values / this.width;
    if (Number.isInteger(first) && first >= 0 && Number.isInteger(rows) && first + rows <= this.out) return;
    throw badShape(
      'there are no such rows',
      `rows of ${this.width} values, from 0 to ${this.out - 1}`,
      `${values} values from row ${first} on`,
    );
  }

  #room(): PackedRoom {
    return { where: this.#where, runtime: this.#runtime(), type: this.type, width: this.width, weights: this.#weights };
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#heap.buffer, this.#weights, this.sizeBytes);
  }

  /** The runtime of the backend in use. @throws SsmError STATE where the weights are not there */
  #runtime(): WasmRuntime {
    const runtime = currentRuntime('PackedLinear');
    if (this.#weights !== 0 && runtime.heap === this.#heap) return runtime;
    throw new SsmError({
      code: 'STATE',
      what: 'PackedLinear: these weights cannot be used.',
      expected: 'weights on the heap of the backend in use',
      got: this.#weights === 0 ? 'weights that were disposed of' : 'those of another backend',
      fix: 'pack them again',
    });
  }
}

function checkPacking(out: number, width: number, type: WeightType): void {
  if (!WEIGHT_TYPES.includes(type)) throw badType('weights cannot be kept in this type', WEIGHT_TYPES.join(', '), type);
  const isSize = (size: number): boolean => Number.isInteger(size) && size > 0;
  if (!isSize(out) || !isSize(width)) throw badShape('the weights have no such shape', 'two integers above 0', `[${out}, ${width}]`);
}

const badType = (what: string, expected: string, got: string): SsmError => {
  const fix = 'f32 is exact, bf16 half as large, int8 a quarter, int4 an eighth';
  return new SsmError({ code: 'OPTION', what: `PackedLinear: ${what}.`, expected, got: String(got), fix });
};

const badShape = (what: string, expected: string, got: string): SsmError =>
  new SsmError({ code: 'SHAPE', what: `PackedLinear: ${what}.`, expected, got, fix: 'weights are [out, width] as on disk' });
