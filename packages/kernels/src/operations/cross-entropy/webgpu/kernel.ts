import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu, TensorRange } from '../../../backends/webgpu/gpu';
import { inParts, type Parting } from '../../../backends/webgpu/in-parts';
import { EXP, LOG, treesOf } from '../../../backends/webgpu/math';
import { type Program, variants } from '../../../backends/webgpu/program';
import type { GpuKernel } from '../../../backends/webgpu/specialize';
import type { CrossEntropyGradInputs } from '../gradient';
import type { CrossEntropyAttrs, CrossEntropyInputs } from '../inputs';

const LANES = 256;
const PARAMS = { width: 'u32', ignored: 'i32' } as const;

/** The greatest logit of a row and Σ exp(logit − greatest). */
const ROW = `
  let first = group * p.width;
  var most = logits[first];
  for (var k = lane; k < p.width; k += ${LANES}) { most = max(most, logits[first + k]); }
  most = greatestOfAll(lane, most);
  var sum = 0.0;
  for (var k = lane; k < p.width; k += ${LANES}) { sum += exactExp(logits[first + k] - most); }
  sum = sumOfAll(lane, sum);
  let place = u32(targets[group]);
  let isCounted = targets[group] != p.ignored;`;

/** One workgroup a row. A target outside of the vocabulary gives NaN: ids on a GPU are not looked at beforehand. */
const lossProgram: Program = {
  name: 'SsmCrossEntropy',
  inputs: { logits: 'f32', targets: 'i32' },
  outputs: { losses: 'f32' },
  params: { ...PARAMS, nan: 'u32' },
  size: LANES,
  declarations: EXP + LOG + treesOf(LANES),
  main: `${ROW}
  if (lane > 0) { return; }
  losses[group] = 0;
  if (isCounted) {
    losses[group] = bitcast<f32>(p.nan);
    if (place < p.width) { losses[group] = most - logits[first + place] + exactLog(sum); }
  }`,
};

/** The sum of the losses over the number of rows that count, and 1 over that number, in one workgroup. */
const meanProgram: Program = {
  name: 'SsmCrossEntropy',
  inputs: { losses: 'f32', targets: 'i32' },
  outputs: { mean: 'f32' },
  params: { rows: 'u32', ignored: 'i32' },
  size: LANES,
  declarations: treesOf(LANES),
  main: `
  var loss = 0.0;
  var counted = 0.0;
  for (var row = lane; row < p.rows; row += ${LANES}) {
    loss += losses[row];
    if (targets[row] != p.ignored) { counted += 1.0; }
  }
  loss = sumOfAll(lane, loss);
  counted = sumOfAll(lane, counted);
  if (lane == 0) { mean[0] = loss / max(counted, 1.0); }`,
};

/** 1 over the number of rows that count. */
const shareProgram: Program = {
  ...meanProgram,
  name: 'SsmCrossEntropyGrad',
  inputs: { targets: 'i32' },
  main: `
  var counted = 0.0;
  for (var row = lane; row < p.rows; row += ${LANES}) { if (targets[row] != p.ignored) { counted += 1.0; } }
  counted = sumOfAll(lane, counted);
  if (lane == 0) { mean[0] = 1.0 / max(counted, 1.0); }`,
};

const gradientProgram = variants(
  ({ isMean }: { isMean: boolean }): Program => ({
    name: 'SsmCrossEntropyGrad',
    inputs: { logits: 'f32', targets: 'i32', dy: 'f32', ...(isMean && { share: 'f32' as const }) },
    outputs: { dlogits: 'f32' },
    params: PARAMS,
    size: LANES,
    declarations: EXP + treesOf(LANES),
    main: `${ROW}
  var scale = 0.0;
  if (isCounted) { scale = ${isMean ? 'dy[0] * share[0]' : 'dy[group]'}; }
  for (var k = lane; k < p.width; k += ${LANES}) {
    let probability = exactExp(logits[first + k] - most) / sum;
    dlogits[first + k] = scale * (probability - select(0.0, 1.0, k == place));
  }`,
  }),
);

/** The losses of rows, and in place of their logits the gradients of those losses. */
const inPlaceProgram: Program = {
  name: 'SsmLinearCrossEntropy',
  inputs: { targets: 'i32' },
  outputs: { logits: 'f32', losses: 'f32' },
  params: { ...PARAMS, nan: 'u32' },
  size: LANES,
  declarations: EXP + LOG + treesOf(LANES),
  main: `${ROW}
  let own = select(bitcast<f32>(p.nan), logits[first + min(place, p.width - 1)], place < p.width);
  workgroupBarrier(); // before another invocation writes there
  for (var k = lane; k < p.width; k += ${LANES}) {
    let probability = exactExp(logits[first + k] - most) / sum;
    logits[first + k] = select(0.0, probability - select(0.0, 1.0, k == place), isCounted);
  }
  if (lane == 0) { losses[group] = select(0.0, most - own + exactLog(sum), isCounted); }`,
};

const NAN_BITS = 0x7fc00000;

/** Rows [M, V] of logits, whose losses go to a place of [M]; with `gradient` that of each loss comes in the place of its logits. */
export function lossesOfRows(
  gpu: Gpu,
  logits: TensorInfo,
  targets: TensorInfo | TensorRange,
  losses: TensorInfo | TensorRange,
  { ignoreIndex, gradient }: { ignoreIndex: number; gradient: boolean },
): void {
  const [rows, width] = logits.shape as [number, number];
  const params = { width, ignored: ignoreIndex, nan: NAN_BITS };
  if (gradient) gpu.run(inPlaceProgram, { inputs: { targets }, outputs: { logits, losses }, params, groups: rows });
  else gpu.run(lossProgram, { inputs: { logits, targets }, outputs: { losses }, params, groups: rows });
}

/** The sum of the losses of rows over the number of those that count. */
export function meanOfLosses(gpu: Gpu, losses: TensorInfo, targets: TensorInfo, ignoreIndex: number): TensorInfo {
  const mean = gpu.tensor([]);
  const params = { rows: losses.shape[0] as number, ignored: ignoreIndex };
  gpu.run(meanProgram, { inputs: { losses, targets }, outputs: { mean }, params, groups: 1 });
  return mean;
}

/** Rows by rows, where they are more than the device binds at a time. */
const byRows = <I extends CrossEntropyInputs & { dy?: TensorInfo }>(): Parting<I, CrossEntropyAttrs> => ({
  inputs: ({ dy }) => ({ logits: 0, targets: 0, ...(dy?.shape.length === 1 && { dy: 0 }) }),
  outputs: () => [0],
  length: ({ logits }) => logits.shape[0],
  valuesOfOne: ({ logits }) => logits.shape[1],
});

const lossesByRow: GpuKernel<CrossEntropyInputs, CrossEntropyAttrs> = inParts(
  {
    run: (gpu, { logits, targets }, { ignoreIndex }) => {
      const losses = gpu.tensor([logits.shape[0]]);
      lossesOfRows(gpu, logits, targets, losses, { ignoreIndex, gradient: false });
      return losses;
    },
  },
  byRows(),
);

export const crossEntropyOnGpu: GpuKernel<CrossEntropyInputs, CrossEntropyAttrs> = {
  run: (gpu, inputs, attrs) => {
    const losses = lossesByRow.run(gpu, inputs, attrs) as TensorInfo;
    if (attrs.reduction === 'none') return losses;
    const mean = meanOfLosses(gpu, losses, inputs.targets, attrs.ignoreIndex);
    gpu.free(losses);
    return mean;
  },
};

const gradientsByRow: GpuKernel<CrossEntropyGradInputs & { share?: TensorInfo }, CrossEntropyAttrs> = inParts(
  {
    run: (gpu, { logits, targets, dy, share }, { ignoreIndex }) => {
      const [rows, width] = logits.shape;
      const dlogits = gpu.tensor(logits.shape);
      gpu.run(gradientProgram({ isMean: share !== undefined }), {
        inputs: { logits, targets, dy, ...(share && { share }) },
        outputs: { dlogits },
        params: { width, ignored: ignoreIndex },
        groups: rows,
      });
      return dlogits;
    },
  },
  byRows(),
);

export const crossEntropyGradOnGpu: GpuKernel<CrossEntropyGradInputs, CrossEntropyAttrs> = {
  run: (gpu, inputs, attrs) => {
    const { logits, targets } = inputs;
    const share = attrs.reduction === 'mean' ? shareOf(gpu, targets, logits.shape[0], attrs.ignoreIndex) : undefined;
    const dlogits = gradientsByRow.run(gpu, { ...inputs, ...(share && { share }) }, attrs);
    if (share) gpu.free(share);
    return dlogits;
  },
};

/** 1 over the number of rows that count. */
export function shareOf(gpu: Gpu, targets: TensorInfo, rows: number, ignored: number): TensorInfo {
  const mean = gpu.tensor([]);
  gpu.run(shareProgram, { inputs: { targets }, outputs: { mean }, params: { rows, ignored }, groups: 1 });
  return mean;
}
