import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { type GpuKernel, sizeOf } from '../../../backends/webgpu/specialize';
import { sumParts } from '../../../backends/webgpu/sum-parts';
import type { MatMulAttrs, MatMulInputs } from '../kernel';
import { tileProgram } from './tile';

/** Workgroups that keep a large GPU busy: with fewer, tiles are smaller and the inner size is parted. */
const ENOUGH_GROUPS = 256;
/** Of the inner size, what a part has at least. */
const LEAST_PART = 256;

/** As {@link matMul}, of tensors that tfjs has no handle of yet. */
export function matMulOf(gpu: Gpu, a: TensorInfo, b: TensorInfo, { transposeA, transposeB }: MatMulAttrs): TensorInfo {
  const rank = a.shape.length;
  const [M, K] = transposeA ? [a.shape[rank - 1], a.shape[rank - 2]] : [a.shape[rank - 2], a.shape[rank - 1]];
  const N = b.shape[rank - (transposeB ? 2 : 1)];
  const sizes = { M: M as number, N: N as number, K: K as number };
  const lead = a.shape.slice(0, -2);
  const batch = lead.reduce((product, size) => product * size, 1);
  const plan = planOf(sizes, batch);
  const c = gpu.tensor(plan.parts === 1 ? [...lead, sizes.M, sizes.N] : [plan.parts, sizes.M, sizes.N]);
  const isWide = (along: number) => along % 4 === 0;
  const choice = {
    tile: plan.tile,
    transposeA,
    transposeB,
    wideA: isWide(transposeA ? sizes.M : sizes.K),
    wideB: isWide(transposeB ? sizes.K : sizes.N),
    wideC: isWide(sizes.N),
  };
  const { parts, partSize, tilesM, tilesN } = plan;
  const params = { ...sizes, parts, partSize, tilesM, tilesN };
  gpu.run(tileProgram(choice), { inputs: { a, b }, outputs: { c }, params, groups: tilesM * tilesN * batch * parts });
  return parts === 1 ? c : sumParts(gpu, 'SsmMatMul', c, [sizes.M, sizes.N]);
}

/** The size of tiles, and how many parts the inner size has: one product alone is parted, its tiles being too few. */
function planOf({ M, N, K }: { M: number; N: number; K: number }, batch: number) {
  const tilesOf = (tile: number) => ({ tilesM: Math.ceil(M / tile), tilesN: Math.ceil(N / tile) });
  const large = tilesOf(128);
  const tile: 128 | 64 = large.tilesM * large.tilesN * batch >= ENOUGH_GROUPS / 2 ? 128 : 64;
  const tiles = tilesOf(tile);
  const groups = tiles.tilesM * tiles.tilesN * batch;
  const wished = batch > 1 || groups >= ENOUGH_GROUPS / 2 ? 1 : Math.min(Math.floor(ENOUGH_GROUPS / groups), Math.floor(K / LEAST_PART));
  const partSize = 16 * Math.ceil(K / Math.max(1, wished) / 16);
  return { tile, ...tiles, partSize, parts: Math.ceil(K / partSize) };
}

export const matMulOnGpu: GpuKernel<MatMulInputs, MatMulAttrs> = {
  supports: (_, { a, b }) => (Math.max(sizeOf(a), sizeOf(b)) < 2 ** 32 ? true : 'an operand has more values than 32 bits count'),
  run: (gpu, { a, b }, attrs) => matMulOf(gpu, a, b, attrs),
};
