/// <reference types="@webgpu/types" />
import { WEIGHT_GROUP as GROUP, type IntegerRows, type OutputRange, type PackedMatrix, type WeightType } from '@densessm/ssm-core';
import { backend as currentBackend, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import type { PackedMatrixOptions } from '../../../packed/empty-matrix';
import { BUFFER_USAGE } from '../buffers';
import type { Gpu } from '../gpu';
import { badShape, checkFinite, checkPacking, noIntegers, noRoom, unusable } from './errors';
import { type LaidMatrix, linearOfPacked, type MatrixPart, rowsOfPacked } from './operations';
import { blocksOf, isQuantized, type LaidRows, layIntegers, layRows, readRow, scaleWords } from './row-layout';

/** The number of values that are laid out at a time, about. */
const VALUES_AT_ONCE = 2 ** 20;
/** Products write four outputs at a time. */
const ROWS_OF_PART = 4;

/** Weights [out, width] in buffers of a GPU, packed once, as row-layout.ts says. Owns memory: dispose of it. */
export class GpuMatrix implements PackedMatrix, LaidMatrix {
  readonly outputAlignment = 1;
  readonly type: WeightType;
  readonly shape: readonly [out: number, width: number];
  readonly #gpu: Gpu;
  readonly #where: string;
  #parts: MatrixPart[] = [];

  /** Room for weights, all zero. @throws SsmError OPTION for an unknown type, SHAPE, or BACKEND where a row is larger than what can be bound */
  constructor(gpu: Gpu, [out, width]: readonly [number, number], { type, name }: PackedMatrixOptions) {
    this.#gpu = gpu;
    this.#where = name ? `packed \`${name}\`` : 'packed weights';
    checkPacking(this.#where, [out, width], type);
    this.type = type;
    this.shape = [out, width];
    const bytes = 16 * this.blocks;
    const most = Math.min(gpu.limits.maxStorageBufferBindingSize, gpu.limits.maxBufferSize);
    const rows = Math.floor(most / bytes / ROWS_OF_PART) * ROWS_OF_PART;
    if (rows === 0) throw noRoom(this.#where, ROWS_OF_PART * bytes, most);
    for (let first = 0; first < out; first += rows) this.#parts.push(this.#makePart(first, Math.min(rows, out - first)));
  }

  /** Blocks of a row. */
  get blocks(): number {
    return blocksOf(this.type, this.shape[1]);
  }

  /** Words of the scales of a row. */
  get scaleWords(): number {
    return scaleWords(this.type, this.shape[1]);
  }

  /** The buffers. @throws SsmError STATE */
  get parts(): readonly MatrixPart[] {
    this.check();
    return this.#parts;
  }

  /** @throws SsmError STATE where the weights are no longer there, or the backend in use is another */
  check(): void {
    if (this.#parts.length === 0 || currentBackend() !== (this.#gpu.backend as unknown))
      throw unusable(this.#where, this.#parts.length === 0);
  }

  /** Packs rows from a given one on, each once. @throws SsmError SHAPE, STATE, or WEIGHTS where one is not finite */
  write(first: number, rows: Float32Array): void {
    const [, width] = this.shape;
    this.#checkRows(first, rows.length);
    checkFinite(this.#where, rows, width, first);
    this.#writeSome(first, rows.length / width, (from, to) => layRows(this.type, width, rows.subarray(from * width, to * width)));
  }

  /** As {@link write}, for rows of integers of this type: no weight is rounded. @throws SsmError SHAPE, STATE or OPTION */
  writeIntegers(first: number, { numbers, scales }: IntegerRows): void {
    const { type } = this;
    const [, width] = this.shape;
    this.#checkRows(first, numbers.length);
    if (!isQuantized(type)) throw noIntegers(this.#where, type);
    const groups = Math.ceil(width / GROUP);
    const wanted = (numbers.length / width) * groups;
    if (scales.length !== wanted) throw badShape(this.#where, 'the scales have the wrong length', String(wanted), String(scales.length));
    this.#writeSome(first, numbers.length / width, (from, to) => {
      const some = { numbers: numbers.subarray(from * width, to * width), scales: scales.subarray(from * groups, to * groups) };
      return layIntegers(type, width, some);
    });
  }

  /** x wᵀ + bias as an operation of tfjs, x [..., width], bias [out] → [..., out]. @throws SsmError SHAPE, DTYPE or STATE */
  linear(x: Tensor, bias?: Tensor1D): Tensor {
    return this.linearParts(x, [[0, this.shape[0]]], bias)[0] as Tensor;
  }

  /** As {@link linear}, each of some ranges of outputs apart. @throws as {@link linear} */
  linearParts(x: Tensor, parts: readonly OutputRange[], bias?: Tensor1D): Tensor[] {
    return linearOfPacked(this.#gpu, this, x, parts, bias);
  }

  /** Rows by id, as an operation of tfjs: ids [B, T] int32 → [B, T, width]; NaN for an id outside the vocabulary. @throws SsmError STATE */
  embedding(ids: Tensor2D): Tensor3D {
    return rowsOfPacked(this.#gpu, this, ids);
  }

  /** The weights of one output as they are after packing, [width]. @throws SsmError SHAPE, STATE or BACKEND */
  async row(output: number): Promise<Float32Array> {
    this.#checkRows(output, this.shape[1]);
    const { weights, scales, first } = this.#parts.find((part) => output < part.first + part.rows) as MatrixPart;
    const [bytes, ofScales] = [16 * this.blocks, 4 * this.scaleWords];
    const words = await this.#gpu.bytesOf(weights, (output - first) * bytes, bytes);
    const ownScales = scales ? await this.#gpu.bytesOf(scales, (output - first) * ofScales, ofScales) : new ArrayBuffer(0);
    return readRow(this.type, this.shape[1], { words: new Uint32Array(words), scales: new Uint32Array(ownScales) });
  }

  /** Frees the buffers; a second time does nothing. */
  dispose(): void {
    if (this.#parts.length === 0) return;
    this.#gpu.submit(); // what was recorded still reads them
    for (const { weights, scales } of this.#parts.splice(0)) {
      this.#gpu.onDestroy(weights);
      weights.destroy();
      scales?.destroy();
    }
  }

  #makePart(first: number, rows: number): MatrixPart {
    const { device } = this.#gpu.backend;
    const make = (size: number): GPUBuffer => device.createBuffer({ label: this.#where, size, usage: BUFFER_USAGE.storage });
    const weights = make(rows * 16 * this.blocks);
    return { first, rows, weights, ...(isQuantized(this.type) && { scales: make(rows * 4 * this.scaleWords) }) };
  }

  #writeSome(first: number, count: number, lay: (from: number, to: number) => LaidRows): void {
    const { queue } = this.#gpu.backend.device;
    const atOnce = Math.max(1, Math.floor(VALUES_AT_ONCE / this.shape[1]));
    for (const part of this.#parts) {
      const end = Math.min(count, part.first + part.rows - first);
      for (let row = Math.max(0, part.first - first); row < end; row += atOnce) {
        const { words, scales } = lay(row, Math.min(end, row + atOnce));
        const place = first + row - part.first;
        queue.writeBuffer(part.weights, place * 16 * this.blocks, words);
        if (part.scales) queue.writeBuffer(part.scales, place * 4 * this.scaleWords, scales);
      }
    }
  }

  #checkRows(first: number, values: number): void {
    this.check();
    const [out, width] = this.shape;
    const rows = values / width;
    if (Number.isInteger(first) && first >= 0 && Number.isInteger(rows) && first + rows <= out) return;
    const expected = `rows of ${width} values, from 0 to ${out - 1}`;
    throw badShape(this.#where, 'there are no such rows', expected, `${values} values from row ${first} on`);
  }
}
