import type { TensorInfo } from '@tensorflow/tfjs-core';
import { inParts, type Parting } from '../../../backends/webgpu/in-parts';
import { SIGMOID, treesOf } from '../../../backends/webgpu/math';
import { type Program, variants } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import { sumParts } from '../../../backends/webgpu/sum-parts';
import type { RmsNormGradInputs } from '../gradient';
import type { RmsNormAttrs, RmsNormInputs } from '../inputs';

const LANES = 64;
/** Rows of which one invocation sums what they add to dw. */
const ROWS = 32;

interface Choice {
  weight: boolean;
  gate: 'none' | 'inside' | 'outside';
}

const choiceOf = ({ weight, gate }: RmsNormInputs, { normBeforeGate }: RmsNormAttrs): Choice => ({
  weight: weight !== undefined,
  gate: gate === undefined ? 'none' : normBeforeGate ? 'outside' : 'inside',
});
const floatsOf = ({ weight, gate }: Choice) => ({
  x: 'f32' as const,
  ...(weight && { weight: 'f32' as const }),
  ...(gate !== 'none' && { gate: 'f32' as const }),
});
const functions = ({ weight, gate }: Choice): string => `
${SIGMOID}
fn siluOfGate(i: u32) -> f32 { ${gate === 'none' ? 'return 1.0;' : 'return silu(gate[i]);'} }
fn insideOf(i: u32) -> f32 { return ${gate === 'inside' ? 'x[i] * siluOfGate(i)' : 'x[i]'}; }
fn outsideOf(i: u32) -> f32 { return ${gate === 'outside' ? 'siluOfGate(i)' : '1.0'}; }
fn weightOf(i: u32) -> f32 { return ${weight ? 'weight[i % p.width]' : '1.0'}; }`;

/** r = (mean a² + eps)^−½ of the values that a workgroup has. */
const ROOT = `
  let first = group * p.size;
  var squares = 0.0;
  for (var k = lane; k < p.size; k += ${LANES}) { let a = insideOf(first + k); squares = fma(a, a, squares); }
  let r = inverseSqrt(sumOfAll(lane, squares) / f32(p.size) + p.eps);`;

const PARAMS = { width: 'u32', size: 'u32', eps: 'f32' } as const;

/** One workgroup for each mean. */
const forwardProgram = variants(
  (choice: Choice): Program => ({
    name: 'SsmRmsNorm',
    inputs: floatsOf(choice),
    outputs: { y: 'f32' },
    params: PARAMS,
    size: LANES,
    declarations: treesOf(LANES) + functions(choice),
    main: `${ROOT}
  for (var k = lane; k < p.size; k += ${LANES}) { let i = first + k; y[i] = insideOf(i) * r * weightOf(i) * outsideOf(i); }`,
  }),
);

/** dx, dGate where there is one, and in `roots` r of every mean. */
const backwardProgram = variants(
  (choice: Choice): Program => ({
    name: 'SsmRmsNormGrad',
    inputs: { ...floatsOf(choice), dy: 'f32' },
    outputs: { dx: 'f32', roots: 'f32', ...(choice.gate !== 'none' && { dGate: 'f32' as const }) },
    params: PARAMS,
    size: LANES,
    declarations: treesOf(LANES) + functions(choice),
    main: `${ROOT}
  var products = 0.0;
  for (var k = lane; k < p.size; k += ${LANES}) {
    let i = first + k;
    products = fma(dy[i] * outsideOf(i) * weightOf(i), insideOf(i) * r, products);
  }
  let mean = sumOfAll(lane, products) / f32(p.size);
  if (lane == 0) { roots[group] = r; }
  for (var k = lane; k < p.size; k += ${LANES}) {
    let i = first + k;
    let n = insideOf(i) * r;
    let da = r * (dy[i] * outsideOf(i) * weightOf(i) - n * mean);
    ${gradientsOf(choice)}
  }`,
  }),
);

function gradientsOf({ gate }: Choice): string {
  if (gate === 'none') return 'dx[i] = da;';
  const ofSilu = gate === 'inside' ? 'da * x[i]' : 'dy[i] * n * weightOf(i)';
  return `dx[i] = ${gate === 'inside' ? 'da * siluOfGate(i)' : 'da'};
    dGate[i] = ${ofSilu} * siluSlope(gate[i]);`;
}

/** What blocks of rows add to dw: [blocks, width]. */
const weightProgram = variants(
  (choice: Choice): Program => ({
    name: 'SsmRmsNormGrad',
    inputs: { ...floatsOf({ ...choice, weight: false }), dy: 'f32', roots: 'f32' },
    outputs: { parts: 'f32' },
    params: { ...PARAMS, rows: 'u32', count: 'u32' },
    size: LANES,
    declarations: functions({ ...choice, weight: false }),
    main: `
  let at = group * ${LANES} + lane;
  if (at >= p.count) { return; }
  let column = at % p.width;
  let begin = at / p.width * ${ROWS};
  var sum = 0.0;
  for (var row = begin; row < min(begin + ${ROWS}, p.rows); row++) {
    let i = row * p.width + column;
    sum = fma(dy[i] * outsideOf(i), insideOf(i) * roots[i / p.size], sum);
  }
  parts[at] = sum;`,
  }),
);

const given = (inputs: object) =>
  Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined)) as Record<string, TensorInfo>;

function sizesOf({ x }: RmsNormInputs, { eps, groupSize }: RmsNormAttrs) {
  const width = x.shape.at(-1) as number;
  const size = groupSize || width;
  return { params: { width, size, eps }, groups: sizeOf(x) / size, width, rows: sizeOf(x) / width };
}

const norm: GpuKernel<RmsNormInputs, RmsNormAttrs> = {
  run: (gpu, inputs, attrs) => {
    const { params, groups } = sizesOf(inputs, attrs);
    const y = gpu.tensor(inputs.x.shape);
    gpu.run(forwardProgram(choiceOf(inputs, attrs)), { inputs: given(inputs), outputs: { y }, params, groups });
    return y;
  },
};

const gradients: GpuKernel<RmsNormGradInputs, RmsNormAttrs> = {
  run: (gpu, inputs, attrs) => {
    const choice = choiceOf(inputs, attrs);
    const { params, groups, width, rows } = sizesOf(inputs, attrs);
    const dx = gpu.tensor(inputs.x.shape);
    const dGate = choice.gate === 'none' ? undefined : gpu.tensor(inputs.x.shape);
    const roots = gpu.tensor([groups]);
    gpu.run(backwardProgram(choice), { inputs: given(inputs), outputs: { dx, roots, ...(dGate && { dGate }) }, params, groups });
    const parts = gpu.tensor([Math.ceil(rows / ROWS), width]);
    const count = sizeOf(parts);
    gpu.run(weightProgram(choice), {
      inputs: { ...given(inputs), roots },
      outputs: { parts },
      params: { ...params, rows, count },
      groups: groupsOf(count, LANES),
    });
    gpu.free(roots);
    const dWeight = sumParts(gpu, 'SsmRmsNormGrad', parts, [width]);
    return dGate ? [dx, dWeight, dGate] : [dx, dWeight];
  },
};

/** Rows by rows, where they are more than the device binds at a time. */
const byRows = (outputs: Parting<RmsNormInputs, RmsNormAttrs>['outputs']): Parting<RmsNormInputs, RmsNormAttrs> => ({
  inputs: () => ({ x: 0, gate: 0, dy: 0 }),
  outputs,
  length: ({ x }) => x.shape[0] as number,
  valuesOfOne: ({ x }) => x.shape[1] as number,
});

/** All but the last axis as one. */
function withRows<I extends RmsNormInputs>(kernel: GpuKernel<I, RmsNormAttrs>): GpuKernel<I, RmsNormAttrs> {
  return {
    run: (gpu, inputs, attrs) => {
      const { shape } = inputs.x;
      const rows = [sizeOf(inputs.x) / (shape.at(-1) as number), shape.at(-1) as number];
      const flat = ({ dataId, dtype }: TensorInfo): TensorInfo => ({ dataId, dtype, shape: rows });
      const asRows = Object.entries(given(inputs)).map(([name, tensor]) => [name, name === 'weight' ? tensor : flat(tensor)]);
      const outputs = [kernel.run(gpu, Object.fromEntries(asRows) as I, attrs)].flat();
      const [first, ...others] = outputs.map((output) => (output.shape.length === 2 ? { ...output, shape } : output));
      return others.length === 0 ? (first as TensorInfo) : [first as TensorInfo, ...others];
    },
  };
}

export const rmsNormOnGpu = withRows(
  inParts(
    norm,
    byRows(() => [0]),
  ),
);
export const rmsNormGradOnGpu = withRows(
  inParts(
    gradients,
    byRows(({ gate }) => [0, 'summed', ...(gate ? [0] : [])]),
  ),
);
