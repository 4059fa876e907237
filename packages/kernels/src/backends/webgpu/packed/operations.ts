/// <reference types="@webgpu/types" />
/** What `linear` and `embedding` do with packed weights: operations of tfjs without gradient. */
import { defineKernel, type Kernel, type OutputRange, SsmError, type WeightType } from '@densessm/ssm-core';
import { add, concat, engine, reshape, slice, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { matMul } from '../../../operations/matmul/kernel';
import type { Gpu } from '../gpu';
import { elementwise, variants } from '../program';
import { groupsOf } from '../specialize';
import { weightAt, weightFunctions, weightInputs } from './weights-wgsl';

/** Some rows in a buffer of their own: all, where a buffer of them can be bound. */
export interface MatrixPart {
  readonly first: number;
  readonly rows: number;
  readonly weights: GPUBuffer;
  /** Of integers. */
  readonly scales?: GPUBuffer;
}

/** Weights [out, width] in buffers, as row-layout.ts lays them. */
export interface LaidMatrix {
  readonly shape: readonly [out: number, width: number];
  readonly type: WeightType;
  /** Blocks of a row, and words of its scales. */
  readonly blocks: number;
  readonly scaleWords: number;
  /** @throws SsmError STATE where they cannot be used */
  readonly parts: readonly MatrixPart[];
}

/** Values that are unpacked at a time: what a product of many rows reads costs little beside it, and a head of a large vocabulary needs no room twice. */
const VALUES_AT_ONCE = 2 ** 25;

const unpackProgram = variants(({ type }: Pick<LaidMatrix, 'type'>) =>
  elementwise({
    name: 'SsmUnpack',
    inputs: weightInputs(type),
    outputs: { y: 'f32' },
    params: { blocks: 'u32', scaleWords: 'u32', width: 'u32', first: 'u32', to: 'u32' },
    declarations: weightFunctions(type) + weightAt(type),
    main: '  y[p.to + i] = weightAt(p.first + i / p.width, i % p.width);',
  }),
);

/** Rows of a matrix as a tensor [size, width]. */
function unpacked(gpu: Gpu, matrix: LaidMatrix, [first, size]: OutputRange): Tensor2D {
  const { type, blocks, scaleWords, shape } = matrix;
  const y = gpu.tensor([size, shape[1]]);
  for (const { first: begin, rows, weights, scales } of matrix.parts) {
    const [from, to] = [Math.max(first, begin), Math.min(first + size, begin + rows)];
    if (from >= to) continue;
    const count = (to - from) * shape[1];
    gpu.run(unpackProgram({ type }), {
      inputs: { weights, ...(scales && { scales }) },
      outputs: { y },
      params: { count, blocks, scaleWords, width: shape[1], first: from - begin, to: (from - first) * shape[1] },
      groups: groupsOf(count),
    });
  }
  return engine().makeTensorFromTensorInfo(y) as Tensor2D;
}

interface ProductInputs {
  /** [..., width] */
  x: Tensor;
  /** [out] */
  bias?: Tensor1D;
}
interface ProductAttrs {
  /** All are always given. */
  gpu?: Gpu;
  matrix?: LaidMatrix;
  parts?: readonly OutputRange[];
}

const product: Kernel<ProductInputs, Tensor[], ProductAttrs> = /* @__PURE__ */ defineKernel<ProductInputs, Tensor[], ProductAttrs>({
  name: 'SsmPackedLinearOnGpu',
  inputs: { x: ['...', 'width'], bias: { dims: ['out'], optional: true } },
  fix: 'the last axis of x is the width of the packed weights',
  attrs: {},
  check: ({ x, bias }, { matrix }) => {
    const [out, width] = (matrix as LaidMatrix).shape;
    if (x.shape.at(-1) !== width || (bias && bias.size !== out)) throw misfit(`x [..., ${width}], bias [${out}]`, x, bias);
  },
  reference: ({ x, bias }, { gpu, matrix, parts = [] }) =>
    tidy(() => parts.map((part) => productOf(gpu as Gpu, matrix as LaidMatrix, x, part, bias))),
  backward: () => refuseGradient(),
});

/** y = x wᵀ + bias, [..., size] for each part. @throws SsmError SHAPE, DTYPE, STATE, or OPTION inside of a gradient */
export const linearOfPacked = (gpu: Gpu, matrix: LaidMatrix, x: Tensor, parts: readonly OutputRange[], bias?: Tensor1D): Tensor[] =>
  product({ x, bias }, { gpu, matrix, parts });

function productOf(gpu: Gpu, matrix: LaidMatrix, x: Tensor, [first, size]: OutputRange, bias: Tensor1D | undefined): Tensor {
  const width = matrix.shape[1];
  const rows = reshape(x, [x.size / width, width]);
  const atOnce = Math.max(1, Math.floor(VALUES_AT_ONCE / width));
  const columns: Tensor2D[] = [];
  for (let from = first; from < first + size; from += atOnce) {
    const some = Math.min(atOnce, first + size - from);
    columns.push(tidy(() => matMul({ a: rows, b: unpacked(gpu, matrix, [from, some]) }, { transposeB: true }) as Tensor2D));
  }
  const y = columns.length === 1 ? (columns[0] as Tensor2D) : concat(columns, 1);
  return reshape(bias ? add(y, slice(bias, [first], [size])) : y, [...x.shape.slice(0, -1), size]);
}

/** Ids are not looked at beforehand: one outside the vocabulary gives NaN. */
const NAN_BITS = 0x7fc00000;

const rowsProgram = variants(({ type }: Pick<LaidMatrix, 'type'>) =>
  elementwise({
    name: 'SsmPackedEmbedding',
    inputs: { ids: 'i32', ...weightInputs(type) },
    outputs: { y: 'f32' },
    params: { blocks: 'u32', scaleWords: 'u32', width: 'u32', first: 'u32', rows: 'u32', height: 'u32', nan: 'u32' },
    declarations: weightFunctions(type) + weightAt(type),
    main: `
  let id = u32(ids[i / p.width]);
  if (id >= p.height) { y[i] = bitcast<f32>(p.nan); }
  if (id >= p.first && id < p.first + p.rows) { y[i] = weightAt(id - p.first, i % p.width); }`,
  }),
);

/** Rows by id, [B, T, width]. */
const gather: Kernel<{ ids: Tensor2D }, Tensor3D, ProductAttrs> = /* @__PURE__ */ defineKernel<{ ids: Tensor2D }, Tensor3D, ProductAttrs>({
  name: 'SsmPackedEmbeddingOnGpu',
  inputs: { ids: { dims: ['B', 'T'], dtype: 'int32' } },
  fix: 'pass ids [B, T]',
  attrs: {},
  reference: ({ ids }, attrs) => {
    const [gpu, matrix] = [attrs.gpu as Gpu, attrs.matrix as LaidMatrix];
    const { type, blocks, scaleWords, parts } = matrix;
    const [height, width] = matrix.shape;
    const y = gpu.tensor([...ids.shape, width]);
    const count = ids.size * width;
    for (const { first, rows, weights, scales } of count > 0 ? parts : [])
      gpu.run(rowsProgram({ type }), {
        inputs: { ids, weights, ...(scales && { scales }) },
        outputs: { y },
        params: { count, blocks, scaleWords, width, first, rows, height, nan: NAN_BITS },
        groups: groupsOf(count),
      });
    return engine().makeTensorFromTensorInfo(y) as Tensor3D;
  },
});

export const rowsOfPacked = (gpu: Gpu, matrix: LaidMatrix, ids: Tensor2D): Tensor3D => gather({ ids }, { gpu, matrix });

const misfit = (expected: string, x: Tensor, bias: Tensor | undefined): SsmError =>
  new SsmError({
    code: 'SHAPE',
    what: 'linear: the packed weights do not fit.',
    expected,
    got: `x [${x.shape.join(', ')}]${bias ? `, bias [${bias.shape.join(', ')}]` : ''}`,
    fix: 'use the config that belongs to these weights',
  });

function refuseGradient(): never {
  throw new SsmError({
    code: 'OPTION',
    what: 'linear: packed weights have no gradient.',
    expected: 'params of tensors inside of a loss',
    got: 'params that were packed',
    fix: 'train the params before they are packed',
  });
}
