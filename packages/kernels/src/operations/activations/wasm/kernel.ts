import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import { replaceStock } from '../../../backends/wasm/tfjs-patches/stock';
import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { type WasmRuntime, wasmRuntimeOf } from '../../../backends/wasm/wasm-runtime';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { siluGrad, siluKernel } from '../silu';
import { siluGate, siluGateGrad } from '../silu-gate';
import { softplusGrad, softplusKernel } from '../softplus';

const blocks = ['elementBlocks', 'size'] as const;
const unary = { x: 'tensor', y: 'tensor', size: 'i32' } as const;
const unaryGradient = { x: 'tensor', dy: 'tensor', dx: 'tensor', size: 'i32' } as const;

export const expKernel = wasmKernel('exp', unary, { blocks });
const softplusForward = wasmKernel('softplus', unary, { blocks });
const siluForward = wasmKernel('silu', unary, { blocks });
const softplusGradient = wasmKernel('softplusGrad', unaryGradient, { blocks });
const siluGradient = wasmKernel('siluGrad', unaryGradient, { blocks });
const gateForward = wasmKernel('siluGate', { x: 'tensor', gate: 'tensor', addend: 'tensor?', y: 'tensor', size: 'i32' }, { blocks });
const gateGradient = wasmKernel(
  'siluGateGrad',
  { x: 'tensor', gate: 'tensor', dy: 'tensor', dx: 'tensor', dGate: 'tensor', size: 'i32' },
  { blocks },
);

function apply(runtime: WasmRuntime, kernel: typeof expKernel, x: TensorInfo): TensorInfo {
  const y = runtime.heap.output(x.shape);
  runtime.run(kernel, { x, y, size: util.sizeFromShape(x.shape) });
  return y;
}

function applyGradient(runtime: WasmRuntime, kernel: typeof siluGradient, x: TensorInfo, dy: TensorInfo): TensorInfo {
  const dx = runtime.heap.output(x.shape);
  runtime.run(kernel, { x, dy, dx, size: util.sizeFromShape(x.shape) });
  return dx;
}

export const activationsOnWasm = [
  wasmVersion(siluKernel, [siluForward], (runtime, { x }) => apply(runtime, siluForward, x)),
  wasmVersion(siluGrad, [siluGradient], (runtime, { x, dy }) => applyGradient(runtime, siluGradient, x, dy)),
  wasmVersion(siluGate, [gateForward], (runtime, inputs) => {
    const { shape, size } = inputs.x;
    const y = runtime.heap.output(shape);
    runtime.run(gateForward, { ...inputs, y, size });
    return y;
  }),
  wasmVersion(siluGateGrad, [gateGradient], (runtime, inputs) => {
    const { shape, size } = inputs.x;
    const [dx, dGate] = [runtime.heap.output(shape), runtime.heap.output(shape)];
    runtime.run(gateGradient, { ...inputs, dx, dGate, size });
    return [dx, dGate];
  }),
  wasmVersion(softplusKernel, [softplusForward], (runtime, { x }) => apply(runtime, softplusForward, x)),
  wasmVersion(softplusGrad, [softplusGradient], (runtime, { x, dy }) => applyGradient(runtime, softplusGradient, x, dy)),
];

/**
 * Replaces tfjs's Exp on wasm, which calls a scalar exponential for every value and takes ten times as long. As accurate: relative error below
 * 3e-7 in float32, subnormal results included.
 */
export function replaceExp(): void {
  replaceStock('Exp', (stock) => (call) => {
    const x = call.inputs.x as TensorInfo;
    const runtime = wasmRuntimeOf(call.backend as object);
    return runtime && x.dtype === 'float32' ? apply(runtime, expKernel, x) : stock(call);
  });
}
