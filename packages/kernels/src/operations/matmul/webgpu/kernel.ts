import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { gpuChoices } from '../../../backends/webgpu/choices';
import type { Gpu, TensorRange } from '../../../backends/webgpu/gpu';
import { type GpuKernel, sizeOf } from '../../../backends/webgpu/specialize';
import { sumPartsInto } from '../../../backends/webgpu/sum-parts';
import type { MatMulAttrs, MatMulInputs } from '../kernel';
import { productPrecision } from '../precision';
import { type Block, blocksOf, type ProductSizes, placesOf } from './blocks';
import { MATRIX_BYTES, MATRIX_DEPTH, MATRIX_TILE, matrixTileProgram } from './matrix-tile';
import { narrowed } from './narrow';
import { tileProgram } from './tile';
import { bytesOf, LARGE_SHAPES, LEAST_SHAPE, MIDDLE_SHAPE, type Shape } from './tile-shapes';

/** Of the inner size, what a part has at least. */
const LEAST_PART = 256;
/** Of the inner size, what an H200 computes while it writes and reads the sums of one part: in float32, and on matrices. */
const [SUM_COST, MATRIX_SUM_COST] = [45, 250];
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
  readonly fixed?: Fixed;
}

/** Which operands stay as they are until the precision of products ends. */
export interface Fixed {
  readonly a: boolean;
  readonly b: boolean;
}
export const BOTH_FIXED: Fixed = { a: true, b: true };

/** As {@link matMul}, of tensors that tfjs has no handle of yet. */
export function matMulOf(gpu: Gpu, a: Operand, b: Operand, attrs: MatMulAttrs, fixed?: Fixed): TensorInfo {
  const sizes = sizesOf(a, b, attrs);
  const { M, N } = sizes;
  const shape = [...a.shape.slice(0, -2), M, N];
  const c = gpu.tensor(shape);
  matMulInto(gpu, a, b, attrs, { c, accumulate: false, ...(fixed && { fixed }) });
  return c;
}

/** The product of two matrices into a place that exists. */
export function matMulInto(gpu: Gpu, a: Operand, b: Operand, attrs: MatMulAttrs, { c, accumulate, ...rest }: Target): void {
  const sizes = sizesOf(a, b, attrs);
  if (!isTooLarge(gpu, sizes)) {
    const plan = planOf(gpu, sizes, accumulate ? 1 : undefined);
    const parts = plan.parts === 1 ? c : gpu.tensor([plan.parts, sizes.M, sizes.N]);
    runBlock(gpu, [a, b], attrs, sizes, { plan, c: parts, accumulate, ...rest });
    if (plan.parts > 1) sumPartsInto(gpu, 'SsmMatMul', parts as TensorInfo, c, sizes.M * sizes.N);
    return;
  }
  for (const block of blocksOf(sizes, attrs, gpu.mostValues)) {
    const own = { M: block.m.size, N: block.n.size, K: block.k.size, batch: 1 };
    runBlock(gpu, [a, b], attrs, sizes, { plan: planOf(gpu, own, 1), c, accumulate: accumulate || block.k.first > 0, block, ...rest });
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
  const { plan, block } = run;
  const whole = { m: { first: 0, size: sizes.M }, n: { first: 0, size: sizes.N }, k: { first: 0, size: sizes.K } };
  const { m, n, k } = block ?? whole;
  const places = placesOf({ m, n, k }, sizes, attrs);
  const part = <T extends Operand | TensorRange>(one: T, { first, count }: { first: number; count: number }): T | TensorRange => {
    if (!block) return one;
    return 'tensor' in one ? { tensor: one.tensor, first: one.first + first, count } : { tensor: one, first, count };
  };
  const { strideA, strideB, strideC } = places.strides;
  const given: Given = {
    ...{ a: part(a, places.a), b: part(b, places.b), c: part(run.c, places.c) },
    ...{ M: m.size, N: n.size, K: k.size, batch: sizes.batch, strideA, strideB, strideC },
    accumulate: run.accumulate,
    ...(run.fixed && { fixed: run.fixed }),
  };
  if (plan.isNarrow) runNarrow(gpu, given, attrs, plan);
  else runTiles(gpu, given, attrs, plan);
}

/** What is multiplied: operands as they lie in memory, with rows of the strides. */
interface Given extends ProductSizes {
  readonly a: TensorInfo | TensorRange;
  readonly b: TensorInfo | TensorRange;
  readonly c: TensorInfo | TensorRange;
  readonly strideA: number;
  readonly strideB: number;
  readonly strideC: number;
  readonly accumulate: boolean;
  readonly fixed?: Fixed;
}

const isWide = (stride: number): boolean => stride % 4 === 0;

function runTiles(gpu: Gpu, given: Given, { transposeA, transposeB }: MatMulAttrs, plan: Plan): void {
  const { a, b, c, M, N, K, strideA, strideB, strideC, batch, accumulate } = given;
  const { shape, isMatrix, isHalf, parts, partSize, tilesM, tilesN } = plan;
  const wide = (stride: number): boolean => (isMatrix || shape !== LEAST_SHAPE) && isWide(stride);
  const [wideA, wideB, wideC] = [wide(strideA), wide(strideB), wide(strideC)];
  const choice = { transposeA, transposeB, accumulate, wideA, wideB, wideC };
  const sizes = { M, N, K, strideA, strideB, strideC, parts, partSize, tilesM, tilesN };
  const isWhole = wideA && wideB && M % shape.m === 0 && N % shape.n === 0 && K % shape.depth === 0;
  const dispatch = { inputs: { a, b }, outputs: { c }, groups: tilesM * tilesN * batch * parts };
  if (isMatrix) gpu.run(matrixTileProgram({ ...choice, narrow: false }), { ...dispatch, params: { ...sizes, sizeA: M * K, sizeB: K * N } });
  else gpu.run(tileProgram({ ...choice, shape, half: isHalf, whole: isWhole }), { ...dispatch, params: sizes });
}

/** Both factors are rounded to float16 before: every workgroup then reads half as much. What was rounded is kept for further products of a tensor that stays as it is. */
function runNarrow(gpu: Gpu, given: Given, { transposeA, transposeB }: MatMulAttrs, plan: Plan): void {
  const { M, N, K, strideC, batch, accumulate, c, fixed } = given;
  const { parts, partSize, tilesM, tilesN } = plan;
  const [side, depth] = [MATRIX_TILE, MATRIX_DEPTH];
  const ofA = { from: given.a, stride: given.strideA, batch, isFixed: fixed?.a ?? false };
  const ofB = { from: given.b, stride: given.strideB, batch, isFixed: fixed?.b ?? false };
  const [a, b] = narrowed(gpu, [
    transposeA
      ? { ...ofA, rows: K, columns: M, toRows: depth, toColumns: side }
      : { ...ofA, rows: M, columns: K, toRows: side, toColumns: depth },
    transposeB
      ? { ...ofB, rows: N, columns: K, toRows: side, toColumns: depth }
      : { ...ofB, rows: K, columns: N, toRows: depth, toColumns: side },
  ]);
  const choice = { narrow: true, transposeA, transposeB, accumulate, wideA: true, wideB: true, wideC: isWide(strideC) };
  gpu.run(matrixTileProgram(choice), {
    inputs: { a: a.tensor, b: b.tensor },
    outputs: { c },
    params: { M, N, K, strideA: a.stride, strideB: b.stride, strideC, sizeA: a.size, sizeB: b.size, parts, partSize, tilesM, tilesN },
    groups: tilesM * tilesN * batch * parts,
  });
  for (const { tensor, isKept } of [a, b]) if (!isKept) gpu.free(tensor);
}

/** How a product is cut into workgroups. */
interface Plan {
  readonly isHalf: boolean;
  /** Whether the factors are rounded before. */
  readonly isNarrow: boolean;
  /** Whether its tiles are on matrices of subgroups. */
  readonly isMatrix: boolean;
  /** The shape of other tiles. */
  readonly shape: Shape;
  readonly tilesM: number;
  readonly tilesN: number;
  /** Parts of the inner size, and the length of each but the last. */
  readonly parts: number;
  readonly partSize: number;
}

/** The size of tiles, and how many parts the inner size has: one product alone is parted where its tiles are too few. */
function planOf(gpu: Gpu, { M, N, K, batch }: ProductSizes, mostParts = Number.POSITIVE_INFINITY): Plan {
  const isHalf = productPrecision() === 'f16' && gpu.hasHalf;
  const isMatrix = isHalf && hasMatrices(gpu) && M * N >= LEAST_MATRIX;
  const isNarrow = isMatrix && batch * M * N * K >= gpuChoices.narrowFrom;
  const tilesOf = ({ m, n }: Pick<Shape, 'm' | 'n'>) => ({ tilesM: Math.ceil(M / m), tilesN: Math.ceil(N / n) });
  const most = batch > 1 ? 1 : Math.min(Math.floor(K / LEAST_PART), mostParts, Math.floor(gpu.mostValues / (M * N)));
  const partsOf = (groups: number, atATime: number): number =>
    fastestParts({ groups, atATime, most, cost: (isMatrix ? MATRIX_SUM_COST : SUM_COST) / K });
  const large = largeShape(gpu);
  const { tilesAtATime } = gpuChoices;
  const { tilesM, tilesN } = tilesOf(large);
  const groups = tilesM * tilesN * batch;
  const isFilled = Math.min(M, N) > 64 && groups * partsOf(groups, tilesAtATime) >= FILLED * tilesAtATime;
  const shape = isFilled ? large : Math.max(M, N) > 32 ? MIDDLE_SHAPE : LEAST_SHAPE;
  const tiles = tilesOf(isMatrix ? { m: MATRIX_TILE, n: MATRIX_TILE } : shape);
  const wished = partsOf(tiles.tilesM * tiles.tilesN * batch, (isMatrix || isFilled ? 1 : SMALLER) * tilesAtATime);
  const step = isMatrix ? MATRIX_DEPTH : shape.depth;
  const partSize = step * Math.ceil(K / wished / step);
  return { isHalf, isNarrow, isMatrix, shape, ...tiles, partSize, parts: Math.ceil(K / partSize) };
}

/** Of the tiles that a GPU computes at a time, what large ones take at least. */
const FILLED = 0.9;
/** Smaller tiles that it computes at a time instead of a large one. */
const SMALLER = 4;

/** Into how many parts of the inner size tiles are computed soonest: the last ones of many leave less of the GPU idle, and each part costs so much of a product. */
function fastestParts({ groups, atATime, most, cost }: Record<'groups' | 'atATime' | 'most' | 'cost', number>): number {
  const timeOf = (parts: number): number => {
    const turns = Math.ceil((groups * parts) / atATime);
    return (turns / parts) * (1 + (parts > 1 ? cost * parts : 0));
  };
  let best = 1;
  for (let parts = 2; parts <= Math.min(most, atATime); parts++) if (timeOf(parts) < timeOf(best)) best = parts;
  return best;
}

const largeShape = ({ limits }: Gpu): Shape =>
  LARGE_SHAPES.find((shape) => bytesOf(shape) <= limits.maxComputeWorkgroupStorageSize) ?? MIDDLE_SHAPE;

/** Whether the device multiplies matrices on subgroups and has the memory for tiles of them. */
const hasMatrices = (gpu: Gpu): boolean => gpu.hasMatrices && gpu.limits.maxComputeWorkgroupStorageSize >= MATRIX_BYTES;

export const matMulOnGpu: GpuKernel<MatMulInputs, MatMulAttrs> = {
  supports: (gpu, { a, b }, attrs) => {
    if (Math.max(sizeOf(a), sizeOf(b)) >= 2 ** 32) return 'an operand has more values than 32 bits count';
    const sizes = sizesOf(a, b, attrs);
    return sizes.batch === 1 || !isTooLarge(gpu, sizes) || 'many matrices are more than the device binds at a time';
  },
  run: (gpu, { a, b }, attrs) => matMulOf(gpu, a, b, attrs, BOTH_FIXED),
};
