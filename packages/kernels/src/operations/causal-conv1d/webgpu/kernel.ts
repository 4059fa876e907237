import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { inParts, type Parting } from '../../../backends/webgpu/in-parts';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import { sumParts } from '../../../backends/webgpu/sum-parts';
import type { CausalConv1dGradInputs } from '../gradient';
import type { CausalConv1dAttrs, CausalConv1dInputs } from '../inputs';
import { type Choice, filterGradientProgram, inputGradientProgram, outputProgram, slopeProgram, TOKENS, tailProgram } from './program';

const choiceOf = ({ bias, tail, documentStarts }: CausalConv1dInputs, { activation }: CausalConv1dAttrs): Choice => ({
  bias: bias !== undefined,
  tail: tail !== undefined,
  documentStarts: documentStarts !== undefined,
  silu: activation === 'silu',
});

const given = (inputs: object) =>
  Object.fromEntries(Object.entries(inputs).filter(([, tensor]) => tensor !== undefined)) as Record<string, TensorInfo>;

/** One column has no tail, and tfjs no buffer of no size. */
const hasTail = (_: Gpu, { w }: CausalConv1dInputs): true | string => w.shape[1] > 1 || 'the filter has one column';

const convolution: GpuKernel<CausalConv1dInputs, CausalConv1dAttrs> = {
  supports: hasTail,
  run: (gpu, inputs, attrs) => {
    const { x, w } = inputs;
    const [[B, T, E], W] = [x.shape, w.shape[1]];
    const choice = choiceOf(inputs, attrs);
    const [y, next] = [gpu.tensor(x.shape), gpu.tensor([B, E, W - 1])];
    const run = (count: number) => ({ params: { T, E, W, count }, groups: groupsOf(count) });
    gpu.run(outputProgram(choice), { inputs: given(inputs), outputs: { y }, ...run(sizeOf(x)) });
    const { tail, documentStarts } = choice;
    gpu.run(tailProgram({ tail, documentStarts }), { inputs: given(inputs), outputs: { next }, ...run(B * E) });
    return [y, next];
  },
};

const gradients: GpuKernel<CausalConv1dGradInputs, CausalConv1dAttrs> = {
  supports: hasTail,
  run: (gpu, inputs, attrs) => {
    const { x, w, dy, dTail } = inputs;
    const [[B, T, E], W] = [x.shape, w.shape[1]];
    const choice = choiceOf(inputs, attrs);
    const { tail, documentStarts, silu } = choice;
    const run = (count: number, more: object = {}) => ({ params: { T, E, W, count, ...more }, groups: groupsOf(count) });
    const dz = silu ? gpu.tensor(x.shape) : dy;
    if (silu) gpu.run(slopeProgram(choice), { inputs: given(inputs), outputs: { dz }, ...run(sizeOf(x)) });
    const [dx, dtail] = [gpu.tensor(x.shape), gpu.tensor(dTail.shape)];
    const inputGradient = { inputs: { ...given(inputs), dz }, outputs: { dx, dtail } };
    gpu.run(inputGradientProgram({ documentStarts }), { ...inputGradient, ...run(B * E * (T + W - 1)) });
    const blocks = Math.ceil(T / TOKENS);
    const count = B * blocks * E;
    const parts = gpu.tensor([count * (W + 1)]);
    const filterGradient = { inputs: { ...given(inputs), dz }, outputs: { parts } };
    gpu.run(filterGradientProgram({ width: W, tail, documentStarts }), { ...filterGradient, ...run(count, { blocks }) });
    const dw = sumParts(gpu, 'SsmCausalConv1dGrad', parts, [E, W], { first: 0, count: B * blocks });
    const dbias = sumParts(gpu, 'SsmCausalConv1dGrad', parts, [E], { first: count * W, count: B * blocks });
    gpu.free(parts, ...(silu ? [dz] : []));
    return [dx, dw, dbias, dtail];
  },
};

/** Texts by texts, where they are more than the device binds at a time. */
const byTexts = (outputs: readonly (number | 'summed')[]): Parting<CausalConv1dInputs, CausalConv1dAttrs> => ({
  inputs: () => ({ x: 0, tail: 0, documentStarts: 0, dy: 0, dTail: 0 }),
  outputs: () => outputs,
  length: ({ x }) => x.shape[0],
  valuesOfOne: ({ x, w }) => Math.max(x.shape[1], Math.ceil(x.shape[1] / TOKENS) * (w.shape[1] + 1)) * x.shape[2],
});

export const causalConv1dOnGpu = inParts(convolution, byTexts([0, 0]));
export const causalConv1dGradOnGpu = inParts(gradients, byTexts([0, 'summed', 'summed', 0]));
