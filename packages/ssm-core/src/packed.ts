import { Tensor, type Tensor1D, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import type { WeightType } from './weight-type';

/** Quantized rows of a matrix: a weight is its integer times the scale of its group of 32 along the row. */
export interface IntegerRows {
  /** [rows, width]: −127 to 127 of int8, −8 to 7 of int4. */
  readonly numbers: Int8Array;
  /** Bfloat16, [rows, ⌈width / 32⌉]. */
  readonly scales: Uint16Array;
}

/** Some outputs of a matrix: the first of them, and how many. */
export type OutputRange = readonly [first: number, size: number];

/**
 * A matrix of parameters [out, width] that is packed for the backend that runs it, in the place of a tensor: what a {@link ParamLeaf} allows by
 * its `precision`. `linear` and `embedding` of the kernels take it, without gradient. Owns memory: `disposeTree` of its tree frees it too.
 */
export interface PackedMatrix {
  readonly shape: readonly [out: number, width: number];
  readonly type: WeightType;
  /** Ranges of {@link linearParts} begin at multiples of it. */
  readonly outputAlignment: number;
  /** x wᵀ + bias. */
  linear(x: Tensor, bias?: Tensor1D): Tensor;
  /** The same, each of some ranges of outputs apart. */
  linearParts(x: Tensor, parts: readonly OutputRange[], bias?: Tensor1D): Tensor[];
  /** Rows by id, [B, T, width]. */
  embedding(ids: Tensor2D): Tensor3D;
  /** A row as it is after rounding; a promise where it has to be read from a device. */
  row(index: number): Float32Array | Promise<Float32Array>;
  /** Fills rows from a given one on, each once. */
  write(first: number, rows: Float32Array): void;
  /** The same with rows of this matrix's own type, of which no number is rounded. */
  writeIntegers(first: number, rows: IntegerRows): void;
  dispose(): void;
}

/** Whether a leaf of a tree is packed, and no tensor. */
export const isPacked = (leaf: unknown): leaf is PackedMatrix =>
  leaf !== null && typeof leaf === 'object' && !(leaf instanceof Tensor) && typeof (leaf as Partial<PackedMatrix>).dispose === 'function';
