import { elementwise, type Program } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import type { DenseEmbeddingInputs, EmbeddingAttrs, EmbeddingGradAttrs, EmbeddingGradInputs } from '../kernel';

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

/** Of every token the one before it with the same id, or −1, and whether none after it has that id. */
const chainsProgram: Program = elementwise({
  name: 'SsmEmbeddingGrad',
  inputs: { ids: 'i32' },
  outputs: { before: 'i32', isLast: 'i32' },
  params: {},
  main: `
  let id = ids[i];
  var j = i32(i) - 1;
  while (j >= 0 && ids[j] != id) { j--; }
  before[i] = j;
  var k = i + 1;
  while (k < p.count && ids[k] != id) { k++; }
  isLast[i] = select(0, 1, k == p.count);`,
});

const zerosProgram: Program = elementwise({
  name: 'SsmEmbeddingGrad',
  inputs: {},
  outputs: { dw: 'f32' },
  params: {},
  main: '  dw[i] = 0;',
});

/** The last token of every id sums up the rows of all of its tokens, back to the first. */
const sumsProgram: Program = elementwise({
  name: 'SsmEmbeddingGrad',
  inputs: { ids: 'i32', before: 'i32', isLast: 'i32', dy: 'f32' },
  outputs: { dw: 'f32' },
  params: { width: 'u32', height: 'u32', padding: 'i32' },
  main: `
  let token = i / p.width;
  let column = i % p.width;
  let id = ids[token];
  if (isLast[token] == 0 || id == p.padding || u32(id) >= p.height) { return; }
  var sum = 0.0;
  var j = i32(token);
  while (j >= 0) { sum += dy[u32(j) * p.width + column]; j = before[j]; }
  dw[u32(id) * p.width + column] = sum;`,
});

export const embeddingGradOnGpu: GpuKernel<EmbeddingGradInputs, EmbeddingGradAttrs> = {
  run: (gpu, { ids, dy }, { vocabSize, paddingIndex }) => {
    const width = dy.shape[2];
    const tokens = sizeOf(ids);
    const dw = gpu.tensor([vocabSize, width]);
    const [before, isLast] = [gpu.tensor([tokens], 'int32'), gpu.tensor([tokens], 'int32')];
    gpu.run(chainsProgram, { inputs: { ids }, outputs: { before, isLast }, params: { count: tokens }, groups: groupsOf(tokens) });
    gpu.run(zerosProgram, { inputs: {}, outputs: { dw }, params: { count: sizeOf(dw) }, groups: groupsOf(sizeOf(dw)) });
    gpu.run(sumsProgram, {
      inputs: { ids, before, isLast, dy },
      outputs: { dw },
      params: { count: sizeOf(dy), width, height: vocabSize, padding: paddingIndex },
      groups: groupsOf(sizeOf(dy)),
    });
    gpu.free(before, isLast);
    return dw;
  },
};
