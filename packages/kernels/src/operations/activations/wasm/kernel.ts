import type { TensorInfo } from '@tensorflow/tfjs-core';
import { util } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import { replaceStock } from '../../../backends/wasm/tfjs-patches/stock';
import type { ActivationGradInputs, ActivationInputs } from '../silu';
import type { SiluGateGradInputs, SiluGateInputs } from '../silu-gate';

type Unary = (x: number, y: number, size: number, block: number) => void;

/** Exports of assembly.ts. */
export interface ActivationsModule {
  elementBlocks(size: number): number;
  exp: Unary;
  softplus: Unary;
  silu: Unary;
  siluGrad(x: number, dy: number, dx: number, size: number, block: number): void;
  softplusGrad(x: number, dy: number, dx: number, size: number, block: number): void;
  siluGate(x: number, gate: number, addend: number, y: number, size: number, block: number): void;
  siluGateGrad(x: number, gate: number, dy: number, dx: number, dGate: number, size: number, block: number): void;
}

export const siluOnWasm =
  (machine: Machine<ActivationsModule>) =>
  ({ x }: ActivationInputs): TensorInfo =>
    apply(machine, 'silu', [x]);

export const siluGradOnWasm =
  (machine: Machine<ActivationsModule>) =>
  ({ x, dy }: ActivationGradInputs): TensorInfo =>
    apply(machine, 'siluGrad', [x, dy]);

export const softplusOnWasm =
  (machine: Machine<ActivationsModule>) =>
  ({ x }: ActivationInputs): TensorInfo =>
    apply(machine, 'softplus', [x]);

export const softplusGradOnWasm =
  (machine: Machine<ActivationsModule>) =>
  ({ x, dy }: ActivationGradInputs): TensorInfo =>
    apply(machine, 'softplusGrad', [x, dy]);

export const siluGateOnWasm =
  ({ heap, module, run }: Machine<ActivationsModule>) =>
  ({ x, gate, addend }: SiluGateInputs): TensorInfo => {
    const y = heap.output(x.shape);
    const size = util.sizeFromShape(x.shape);
    const addresses = [heap.address(x), heap.address(gate), heap.addressOrNone(addend), heap.address(y)];
    run('siluGate', module.elementBlocks(size), 0, ...addresses, size);
    return y;
  };

export const siluGateGradOnWasm =
  ({ heap, module, run }: Machine<ActivationsModule>) =>
  ({ x, gate, dy }: SiluGateGradInputs): TensorInfo[] => {
    const outputs = [heap.output(x.shape), heap.output(x.shape)];
    const size = util.sizeFromShape(x.shape);
    const addresses = [x, gate, dy, ...outputs].map((tensor) => heap.address(tensor));
    run('siluGateGrad', module.elementBlocks(size), 0, ...addresses, size);
    return outputs;
  };

/** A function of values one by one, of inputs that have one shape. */
function apply(
  { heap, module, run }: Machine<ActivationsModule>,
  name: keyof ActivationsModule,
  inputs: readonly [TensorInfo, ...TensorInfo[]],
) {
  const [{ shape }] = inputs;
  const size = util.sizeFromShape(shape);
  const output = heap.output(shape);
  const addresses = [...inputs, output].map((tensor) => heap.address(tensor));
  run(name, module.elementBlocks(size), 0, ...addresses, size);
  return output;
}

/** Of each backend that our kernels were registered for, what runs in place of tfjs's own. */
const fastExp = new WeakMap<object, (x: TensorInfo) => TensorInfo>();

/**
 * Replaces tfjs's Exp on wasm, which calls a scalar exponential for every value and takes ten times as long. As accurate: relative error below
 * 3e-7 in float32, subnormal results included.
 */
export function replaceExp(backend: object, machine: Machine<ActivationsModule>): void {
  fastExp.set(backend, (x) => apply(machine, 'exp', [x]));
  replaceStock('Exp', (stock) => (call) => {
    const x = call.inputs.x as TensorInfo;
    const fast = fastExp.get(call.backend as object);
    return fast && x.dtype === 'float32' ? fast(x) : stock(call);
  });
}
