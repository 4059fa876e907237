import { elementwise, type Program } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import type { DenseEmbeddingInputs, EmbeddingAttrs, EmbeddingGradAttrs, EmbeddingGradInputs } from '../kernel';
import { sortedIds } from './sort';

/** Ids on a GPU are not looked at beforehand: one outside of the vocabulary gives NaN, which is seen in the loss, and not another row. */
const NAN_BITS = 0x7fc00000;

const rowsProgram: Program = elementwise({
  name: 'SsmEmbedding',
  inputs: { ids: 'i32', w: 'f32' },
  outputs: { y: 'f32' },
  params: { width: 'u32', height: 'u32', nan: 'u32' },
  main: `
  let id = u32(ids[i / p.width]);
  y[i] = bitcast<f32>(p.nan);
  if (id < p.height) { y[i] = w[id * p.width + i % p.width]; }`,
});

export const embeddingOnGpu: GpuKernel<DenseEmbeddingInputs, EmbeddingAttrs> = {
  run: (gpu, { ids, w }) => {
    const [height, width] = w.shape;
    const y = gpu.tensor([...ids.shape, width]);
    const count = sizeOf(y);
    gpu.run(rowsProgram, { inputs: { ids, w }, outputs: { y }, params: { count, width, height, nan: NAN_BITS }, groups: groupsOf(count) });
    return y;
  },
};

const zerosProgram: Program = elementwise({
  name: 'SsmEmbeddingGrad',
  inputs: {},
  outputs: { dw: 'f32' },
  params: {},
  main: '  dw[i] = 0;',
});

/** The last of equal ids, which lie in order, sums up the rows of all of their tokens, back to the first. */
const sumsProgram: Program = elementwise({
  name: 'SsmEmbeddingGrad',
  inputs: { sorted: 'i32', dy: 'f32' },
  outputs: { dw: 'f32' },
  params: { tokens: 'u32', width: 'u32', height: 'u32', padding: 'i32' },
  main: `
  let place = i / p.width;
  let column = i % p.width;
  let id = sorted[2 * place];
  if (id == p.padding || u32(id) >= p.height) { return; }
  if (place + 1 < p.tokens && sorted[2 * place + 2] == id) { return; }
  var sum = 0.0;
  for (var j = i32(place); j >= 0 && sorted[2 * j] == id; j--) { sum += dy[u32(sorted[2 * j + 1]) * p.width + column]; }
  dw[u32(id) * p.width + column] = sum;`,
});

export const embeddingGradOnGpu: GpuKernel<EmbeddingGradInputs, EmbeddingGradAttrs> = {
  run: (gpu, { ids, dy }, { vocabSize, paddingIndex }) => {
    const width = dy.shape[2];
    const tokens = sizeOf(ids);
    const dw = gpu.tensor([vocabSize, width]);
    const sorted = sortedIds(gpu, ids);
    gpu.run(zerosProgram, { inputs: {}, outputs: { dw }, params: { count: sizeOf(dw) }, groups: groupsOf(sizeOf(dw)) });
    gpu.run(sumsProgram, {
      inputs: { sorted, dy },
      outputs: { dw },
      params: { count: sizeOf(dy), tokens, width, height: vocabSize, padding: paddingIndex },
      groups: groupsOf(sizeOf(dy)),
    });
    gpu.free(sorted);
    return dw;
  },
};
