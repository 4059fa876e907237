import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Gpu, TensorRange } from '../../../backends/webgpu/gpu';
import type { Program } from '../../../backends/webgpu/program';
import { type GpuKernel, sizeOf } from '../../../backends/webgpu/specialize';
import { sumPartsInto } from '../../../backends/webgpu/sum-parts';
import type { MatMulAttrs, MatMulInputs } from '../kernel';
import { productPrecision } from '../precision';
import { type Block, blocksOf, type ProductSizes, placesOf } from './blocks';
import { MATRIX_TILE_BYTES, matrixTileProgram } from './matrix-tile';
import { type Tile, tileProgram } from './tile';

/** Workgroups that keep a large GPU busy: with fewer, the inner size is parted, or tiles are smaller. */
const ENOUGH_GROUPS = 176;
/** Into how many a product is parted that has fewer. */
const WISHED_GROUPS = 288;
/** Of the inner size, what a part has at least. */
const LEAST_PART = 256;
/** The least that a binding of the sums of matrices of 16 × 16 holds. */
const LEAST_MATRIX = 256;

/** An operand that lies in a larger tensor. */
export interface MatrixRange extends TensorRange {
  readonly shape: number[];
}
type Operand = TensorInfo | MatrixRange;

/** Where a product goes, if not to a tensor of its own. */
export interface Target {
  readonly c: TensorInfo | TensorRange;
  /** Whether it is added to what lies there. */
  readonly accumulate: boolean;
}

/** As {@link matMul}, of tensors that tfjs has no handle of yet. */
export function matMulOf(gpu: Gpu, a: Operand, b: Operand, attrs: MatMulAttrs): TensorInfo {
  const sizes = sizesOf(a, b, attrs);
  const { M, N } = sizes;
  const shape = [...a.shape.slice(0, -2), M, N];
  const c = gpu.tensor(shape);
  matMulInto(gpu, a, b, attrs, { c, accumulate: false });
  return c;
}

/** The product of two matrices into a place that exists. */
export function matMulInto(gpu: Gpu, a: Operand, b: Operand, attrs: MatMulAttrs, { c, accumulate }: Target): void {
  const sizes = sizesOf(a, b, attrs);
  if (!isTooLarge(gpu, sizes)) {
    const plan = planOf(gpu, sizes, accumulate ? 1 : undefined);
    const parts = plan.parts === 1 ? c : gpu.tensor([plan.parts, sizes.M, sizes.N]);
    runBlock(gpu, [a, b], attrs, sizes, { plan, c: parts, accumulate });
    if (plan.parts > 1) sumPartsInto(gpu, 'SsmMatMul', parts as TensorInfo, c, sizes.M * sizes.N);
    return;
  }
  for (const block of blocksOf(sizes, attrs, gpu.mostValues)) {
    const own = { M: block.m.size, N: block.n.size, K: block.k.size, batch: 1 };
    runBlock(gpu, [a, b], attrs, sizes, { plan: planOf(gpu, own, 1), c, accumulate: accumulate || block.k.first > 0, block });
  }
}

const isTooLarge = (gpu: Gpu, { M, N, K, batch }: ProductSizes): boolean => batch * Math.max(M * K, K * N, M * N) > gpu.mostValues;

function sizesOf(a: Operand, b: Operand, { transposeA, transposeB }: MatMulAttrs): ProductSizes {
  const [M, K] = (transposeA ? [a.shape.at(-1), a.shape.at(-2)] : [a.shape.at(-2), a.shape.at(-1)]) as [number, number];
  const N = b.shape.at(transposeB ? -2 : -1) as number;
  return { M, N, K, batch: util.sizeFromShape(a.shape.slice(0, -2)) };
}

/** A product, or a block of one, into a place. */
interface Run extends Target {
  readonly plan: Plan;
  readonly block?: Block;
}

function runBlock(gpu: Gpu, [a, b]: [Operand, Operand], attrs: MatMulAttrs, sizes: ProductSizes, run: Run): void {
  const { transposeA, transposeB } = attrs;
  const { plan, block, accumulate } = run;
  const whole = { m: { first: 0, size: sizes.M }, n: { first: 0, size: sizes.N }, k: { first: 0, size: sizes.K } };
  const { m, n, k } = block ?? whole;
  const places = placesOf({ m, n, k }, sizes, attrs);
  const isWide = (stride: number): boolean => plan.tile > 32 && stride % 4 === 0;
  const { strideA, strideB, strideC } = places.strides;
  const choice = { transposeA, transposeB, accumulate, wideA: isWide(strideA), wideB: isWide(strideB), wideC: isWide(strideC) };
  const { tile, parts, partSize, tilesM, tilesN } = plan;
  const program: Program = plan.isMatrix ? matrixTileProgram(choice) : tileProgram({ ...choice, tile, half: plan.isHalf });
  const params = { M: m.size, N: n.size, K: k.size, ...places.strides, parts, partSize, tilesM, tilesN };
  const part = <T extends Operand | TensorRange>(one: T, { first, count }: { first: number; count: number }): T | TensorRange => {
    if (!block) return one;
    return 'tensor' in one ? { tensor: one.tensor, first: one.first + first, count } : { tensor: one, first, count };
  };
  const inputs = { a: part(a, places.a), b: part(b, places.b) };
  gpu.run(program, { inputs, outputs: { c: part(run.c, places.c) }, params, groups: tilesM * tilesN * sizes.batch * parts });
}

/** How a product is cut into workgroups. */
interface Plan {
  readonly isMatrix: boolean;
  readonly isHalf: boolean;
  readonly tile: Tile;
  readonly tilesM: number;
  readonly tilesN: number;
  /** Parts of the inner size, and the length of each but the last. */
  readonly parts: number;
  readonly partSize: number;
}

/** The size of tiles, and how many parts the inner size has: one product alone is parted where its tiles are too few. */
function planOf(gpu: Gpu, { M, N, K, batch }: ProductSizes, mostParts = Number.POSITIVE_INFINITY): Plan {
  const isHalf = productPrecision() === 'f16' && gpu.hasHalf;
  const fits = gpu.limits.maxComputeWorkgroupStorageSize >= MATRIX_TILE_BYTES && M * N >= LEAST_MATRIX;
  const isMatrix = isHalf && gpu.hasMatrices && fits;
  const tilesOf = (tile: number) => ({ tilesM: Math.ceil(M / tile), tilesN: Math.ceil(N / tile) });
  const partsOf = (groups: number): number => {
    if (batch > 1 || groups >= ENOUGH_GROUPS) return 1;
    return Math.max(1, Math.min(Math.ceil(WISHED_GROUPS / groups), Math.floor(K / LEAST_PART), mostParts));
  };
  const large = tilesOf(128);
  const groups = large.tilesM * large.tilesN * batch;
  const isFilled = Math.min(M, N) > 64 && groups * partsOf(groups) >= ENOUGH_GROUPS;
  const tile: Tile = isMatrix || isFilled ? 128 : Math.max(M, N) > 32 ? 64 : 32;
  const tiles = tilesOf(tile);
  const wished = partsOf(tiles.tilesM * tiles.tilesN * batch);
  const step = isMatrix ? 64 : 16;
  const partSize = step * Math.ceil(K / wished / step);
  return { isMatrix, isHalf, tile, ...tiles, partSize, parts: Math.ceil(K / partSize) };
}

export const matMulOnGpu: GpuKernel<MatMulInputs, MatMulAttrs> = {
  supports: (gpu, { a, b }, attrs) => {
    if (Math.max(sizeOf(a), sizeOf(b)) >= 2 ** 32) return 'an operand has more values than 32 bits count';
    const sizes = sizesOf(a, b, attrs);
    return sizes.batch === 1 || !isTooLarge(gpu, sizes) || 'many matrices are more than the device binds at a time';
  },
  run: (gpu, { a, b }, attrs) => matMulOf(gpu, a, b, attrs),
};
