import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type Gpu, RANGE_STEP, type TensorRange } from '../../../backends/webgpu/gpu';
import { elementwise, type Program, pointwise } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import type { DenseEmbeddingInputs, EmbeddingAttrs, EmbeddingGradAttrs, EmbeddingGradInputs } from '../kernel';
import { sortedIds } from './sort';

/** Ids on a GPU are not looked at beforehand: one outside of the vocabulary gives NaN, which is seen in the loss, and not another row. */
const NAN_BITS = 0x7fc00000;

/** Of a part of y, from the value `begin` on, and rows of w from the id `low` on: with several of them, each writes the rows that it has. */
const rowsProgram: Program = elementwise({
  name: 'SsmEmbedding',
  inputs: { ids: 'i32', w: 'f32' },
  outputs: { y: 'f32' },
  params: { begin: 'u32', width: 'u32', height: 'u32', low: 'u32', rows: 'u32', nan: 'u32' },
  main: `
  let id = u32(ids[(p.begin + i) / p.width]);
  if (id >= p.height) { y[i] = bitcast<f32>(p.nan); }
  if (id >= p.low && id - p.low < p.rows) { y[i] = w[(id - p.low) * p.width + (p.begin + i) % p.width]; }`,
});

/** Consecutive rows of a matrix, in blocks that fit into one binding. */
function* rowBlocks(gpu: Gpu, height: number, width: number): Generator<{ low: number; rows: number }> {
  const most = Math.max(RANGE_STEP, RANGE_STEP * Math.floor(gpu.mostValues / (RANGE_STEP * width)));
  for (let low = 0; low < height; low += most) yield { low, rows: Math.min(most, height - low) };
}

/** Rows of a matrix as a range; the matrix itself where they are all. */
const rowsOf = (matrix: TensorInfo, low: number, rows: number): TensorInfo | TensorRange => {
  const count = rows * (matrix.shape.at(-1) as number);
  return count === sizeOf(matrix) ? matrix : { tensor: matrix, first: (low * count) / rows, count };
};

export const embeddingOnGpu: GpuKernel<DenseEmbeddingInputs, EmbeddingAttrs> = {
  run: (gpu, { ids, w }) => {
    const [height, width] = w.shape;
    const y = gpu.tensor([...ids.shape, width]);
    for (const { low: first, rows: some } of rowBlocks(gpu, sizeOf(ids), width))
      for (const { low, rows } of rowBlocks(gpu, height, width)) {
        const count = some * width;
        gpu.run(rowsProgram, {
          inputs: { ids, w: rowsOf(w, low, rows) },
          outputs: { y: rowsOf(y, first, some) },
          params: { count, begin: first * width, width, height, low, rows, nan: NAN_BITS },
          groups: groupsOf(count),
        });
      }
    return y;
  },
};

const zerosProgram: Program = pointwise({
  name: 'SsmEmbeddingGrad',
  inputs: {},
  outputs: { dw: 'f32' },
  params: {},
  main: '  dw[i] = 0;',
});

/**
 * The last of equal ids, which lie in order, sums up the rows of all of their tokens, back to the first. Of the rows of dw from the id `low` on, and of
 * those of dy from the token `first` on: with several parts of dy, they are added one after the other.
 */
const sumsProgram: Program = elementwise({
  name: 'SsmEmbeddingGrad',
  inputs: { sorted: 'i32', dy: 'f32' },
  outputs: { dw: 'f32' },
  params: { tokens: 'u32', width: 'u32', low: 'u32', rows: 'u32', padding: 'i32', first: 'u32', some: 'u32' },
  main: `
  let place = i / p.width;
  let column = i % p.width;
  let id = sorted[2 * place];
  if (id == p.padding || u32(id) < p.low || u32(id) - p.low >= p.rows) { return; }
  if (place + 1 < p.tokens && sorted[2 * place + 2] == id) { return; }
  var sum = 0.0;
  for (var j = i32(place); j >= 0 && sorted[2 * j] == id; j--) {
    let token = u32(sorted[2 * j + 1]);
    if (token >= p.first && token - p.first < p.some) { sum += dy[(token - p.first) * p.width + column]; }
  }
  dw[(u32(id) - p.low) * p.width + column] += sum;`,
});

export const embeddingGradOnGpu: GpuKernel<EmbeddingGradInputs, EmbeddingGradAttrs> = {
  run: (gpu, { ids, dy }, { vocabSize, paddingIndex: padding }) => {
    const width = dy.shape[2];
    const tokens = sizeOf(ids);
    const dw = gpu.tensor([vocabSize, width]);
    const sorted = sortedIds(gpu, ids);
    gpu.run(zerosProgram, { inputs: {}, outputs: { dw }, params: { count: sizeOf(dw) }, groups: groupsOf(sizeOf(dw)) });
    for (const { low, rows } of rowBlocks(gpu, vocabSize, width))
      for (const { low: first, rows: some } of rowBlocks(gpu, tokens, width))
        gpu.run(sumsProgram, {
          inputs: { sorted, dy: rowsOf(dy, first, some) },
          outputs: { dw: rowsOf(dw, low, rows) },
          params: { count: tokens * width, tokens, width, low, rows, padding, first, some },
          groups: groupsOf(tokens * width),
        });
    gpu.free(sorted);
    return dw;
  },
};
