/** Reads one parameter in parts and checks what is stored under its names. */
import type { ConstantLeaf, IntegerRows, PackedMatrix, ParamLeaf } from '@densessm/ssm-core';
import { SsmError } from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { checkConstant } from './constants';
import type { Dtype, TensorValues } from './dtypes';
import { floatTarget, packedTarget } from './float-target';
import type { QuantizedSource } from './quantized/read';

/** Some values of one stored tensor, row-major. */
export interface Part {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/** What is stored, by name, and how its values are read. */
export interface Stored extends Partial<Pick<QuantizedSource, 'quantized' | 'type'>> {
  readonly tensors: ReadonlyMap<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>;
  values(part: Part): TensorValues | Promise<TensorValues>;
  /** Rows of a quantized matrix as the integers that are stored. */
  rows?(name: string, first: number, count: number): Promise<IntegerRows>;
}

export interface ReadOptions {
  /** Names the weights in errors. */
  where: string;
  pack?: (leaf: ParamLeaf) => PackedMatrix | undefined;
}

/** Values that are read at once: few beside any model, many beside the cost of a read. */
const PART = 2 ** 18;

/** @throws SsmError WEIGHTS where the stored constant is not the one that the config implies */
export async function readConstant(leaf: ConstantLeaf, name: string, stored: Stored, { where }: ReadOptions): Promise<void> {
  const values = await valuesOf(where, stored, { name, first: 0, count: sizeOf(leaf.shape) });
  checkConstant(where, leaf, { shape: leaf.shape, values, dtype: stored.tensors.get(name)?.dtype });
}

/**
 * The tensor or packed matrix under the first of its names, compared with those under the others.
 * @throws SsmError DTYPE where one holds no floats, WEIGHTS where two differ or an array is not as long as its shape says
 */
export async function readParam(
  leaf: ParamLeaf,
  [name, ...others]: readonly [string, ...string[]],
  stored: Stored,
  { where, pack }: ReadOptions,
): Promise<Tensor | PackedMatrix> {
  for (const one of [name, ...others]) requireFloats(where, one, stored.tensors.get(one)?.dtype);
  const shape = stored.tensors.get(name)?.shape ?? [];
  const matrix = pack?.(leaf);
  const target = matrix ? packedTarget(matrix) : floatTarget(shape);
  let complete = false;
  try {
    if (matrix && stored.quantized?.has(name) && stored.type === matrix.type) await readIntegers(name, matrix, stored);
    else {
      const row = matrix ? matrix.shape[1] : 1;
      for (const part of partsOfTensor(name, sizeOf(shape), row)) target.write(part.first, await valuesOf(where, stored, part));
    }
    for (const other of others) {
      for (const part of partsOfTensor(other, sizeOf(shape), 1)) {
        const want = Float32Array.from(await valuesOf(where, stored, { ...part, name }));
        requireSame(where, name, want, part, Float32Array.from(await valuesOf(where, stored, part)));
      }
    }
    complete = true;
    return target.finish();
  } finally {
    if (!complete) target.dispose();
  }
}

async function readIntegers(name: string, matrix: PackedMatrix, { rows }: Stored): Promise<void> {
  const [out, width] = matrix.shape;
  for (const { first, count } of partsOfTensor(name, out * width, width)) {
    matrix.writeIntegers(first / width, (await rows?.(name, first / width, count / width)) as IntegerRows);
  }
}

/** @throws SsmError WEIGHTS where an array is not as long as its shape says */
async function valuesOf(where: string, stored: Stored, part: Part): Promise<TensorValues> {
  const given = await stored.values(part);
  if (given.length === part.count) return given;
  const fix = 'give each tensor as many values as its shape says';
  throw weightsError(`${where}: \`${part.name}\` has another size than its shape.`, `${part.count} values`, `${given.length}`, fix);
}

/** Parts of whole rows. */
function* partsOfTensor(name: string, size: number, row: number): Generator<Part> {
  const step = Math.max(1, Math.floor(PART / row)) * row;
  for (let first = 0; first < size; first += step) yield { name, first, count: Math.min(step, size - first) };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

export const weightsError = (what: string, expected: string, got: string, fix: string): SsmError =>
  new SsmError({ code: 'WEIGHTS', what, expected, got, fix });

/** @throws SsmError WEIGHTS where two names of one tensor hold different values: a head stored beside a config that ties it, say. */
function requireSame(where: string, name: string, want: Float32Array, { name: other, first }: Part, got: Float32Array): void {
  const at = want.findIndex((value, i) => !Object.is(value, got[i]));
  if (at < 0) return;
  throw weightsError(
    `${where}: \`${name}\` and \`${other}\` are one tensor in the model but differ.`,
    `${want[at]} at ${first + at} in both`,
    `${got[at]} in ${other}`,
    'correct the config (tie_word_embeddings, say), or leave one of the two out of the file',
  );
}

/** @throws SsmError DTYPE where the values are integers: quantized weights need their own reader. */
function requireFloats(where: string, name: string, dtype: Dtype | undefined): void {
  if (dtype !== undefined && /^B?F\d+$/.test(dtype)) return;
  throw new SsmError({
    code: 'DTYPE',
    what: `${where}: the weight \`${name}\` does not hold floats.`,
    expected: 'F32, F16, BF16 or F64',
    got: String(dtype),
    fix: 'use the weights in their original precision',
  });
}
