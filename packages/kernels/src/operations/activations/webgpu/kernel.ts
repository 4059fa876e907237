import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { SIGMOID, SOFTPLUS } from '../../../backends/webgpu/math';
import { type Program, pointwise } from '../../../backends/webgpu/program';
import { type GpuKernel, groupsOf, sizeOf } from '../../../backends/webgpu/specialize';
import type { ActivationGradInputs, ActivationInputs } from '../silu';
import type { SiluGateGradInputs, SiluGateInputs } from '../silu-gate';

/** A program over numbers in the same place of every tensor. */
const over = (name: string, inputs: readonly string[], outputs: readonly string[], main: string, declarations = SIGMOID): Program => {
  const floats = (names: readonly string[]) => Object.fromEntries(names.map((one) => [one, 'f32' as const]));
  return pointwise({ name, inputs: floats(inputs), outputs: floats(outputs), params: {}, declarations, main });
};

const silu = over('SsmSilu', ['x'], ['y'], '  y[i] = silu(x[i]);');
const siluGrad = over('SsmSiluGrad', ['x', 'dy'], ['dx'], '  dx[i] = dy[i] * siluSlope(x[i]);');
const softplus = over('SsmSoftplus', ['x'], ['y'], '  y[i] = softplus(x[i]);', SOFTPLUS);
const softplusGrad = over('SsmSoftplusGrad', ['x', 'dy'], ['dx'], '  dx[i] = dy[i] * sigmoid(x[i]);');
const gated = 'silu(gate[i]) * x[i]';
const siluGate = over('SsmSiluGate', ['x', 'gate'], ['y'], `  y[i] = ${gated};`);
const siluGateAdd = over('SsmSiluGate', ['x', 'gate', 'addend'], ['y'], `  y[i] = ${gated} + addend[i];`);
const siluGateGrad = over(
  'SsmSiluGateGrad',
  ['x', 'gate', 'dy'],
  ['dx', 'dGate'],
  '  dx[i] = dy[i] * silu(gate[i]); dGate[i] = dy[i] * x[i] * siluSlope(gate[i]);',
);

/** Runs a program on tensors of one shape, and returns its outputs. */
function each(gpu: Gpu, program: Program, inputs: Record<string, TensorInfo>): TensorInfo[] {
  const { shape } = inputs.x as TensorInfo;
  const outputs = Object.fromEntries(Object.keys(program.outputs).map((name) => [name, gpu.tensor(shape)]));
  const count = sizeOf({ shape } as TensorInfo);
  gpu.run(program, { inputs, outputs, params: { count }, groups: groupsOf(count) });
  return Object.values(outputs);
}
const first = ([y]: TensorInfo[]): TensorInfo => y as TensorInfo;

export const siluOnGpu: GpuKernel<ActivationInputs, object> = { run: (gpu, { x }) => first(each(gpu, silu, { x })) };
export const siluGradOnGpu: GpuKernel<ActivationGradInputs, object> = { run: (gpu, { x, dy }) => first(each(gpu, siluGrad, { x, dy })) };
export const softplusOnGpu: GpuKernel<ActivationInputs, object> = { run: (gpu, { x }) => first(each(gpu, softplus, { x })) };
export const softplusGradOnGpu: GpuKernel<ActivationGradInputs, object> = {
  run: (gpu, { x, dy }) => first(each(gpu, softplusGrad, { x, dy })),
};
export const siluGateOnGpu: GpuKernel<SiluGateInputs, object> = {
  run: (gpu, { x, gate, addend }) => first(addend ? each(gpu, siluGateAdd, { x, gate, addend }) : each(gpu, siluGate, { x, gate })),
};
export const siluGateGradOnGpu: GpuKernel<SiluGateGradInputs, object> = {
  run: (gpu, { x, gate, dy }) => each(gpu, siluGateGrad, { x, gate, dy }),
};
