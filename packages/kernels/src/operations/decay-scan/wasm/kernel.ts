import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import { type ReduceModule, sumParts } from '../../../backends/wasm/tfjs-patches/reduce/kernel';
import type { DecayScanGradAttrs, DecayScanGradInputs } from '../gradient';
import type { DecayScanInputs } from '../inputs';

/** Exports of assembly.ts. */
export interface DecayScanModule {
  decayScanBlocks(batch: number, length: number, heads: number, keys: number, values: number): number;
  decayScanScratchBytes(length: number, keys: number, values: number): number;
  /** q, k, v, logDecay, s0, starts, o, sT, batch, length, heads, keys, values, constant, block, scratch */
  decayScan(...addressesAndSizes: number[]): void;
  decayScanGradScratchBytes(length: number, keys: number, values: number): number;
  /** q, k, v, logDecay, s0, starts, dO, dST, dq, dk, dv, ds0, dLogDecay, and the last eight as above */
  decayScanGrad(...addressesAndSizes: number[]): void;
}

function sizesOf({ q, v, logDecay }: DecayScanInputs) {
  const [batch, length, heads, keys] = q.shape;
  const values = v.shape[3];
  return { batch, length, heads, keys, values, constant: logDecay.rank === 1 };
}

const given = ({ q, k, v, logDecay, s0, starts }: DecayScanInputs) => [q, k, v, logDecay, s0, starts];

export const decayScanOnWasm =
  ({ heap, module, run }: Machine<DecayScanModule>) =>
  (inputs: DecayScanInputs): TensorInfo[] => {
    const { batch, length, heads, keys, values, constant } = sizesOf(inputs);
    const outputs = [heap.output(inputs.v.shape), heap.output([batch, heads, keys, values])];
    const addresses = [...given(inputs), ...outputs].map((tensor) => heap.addressOrNone(tensor));
    const blocks = module.decayScanBlocks(batch, length, heads, keys, values);
    const scratchBytes = module.decayScanScratchBytes(length, keys, values) >>> 0;
    run('decayScan', blocks, scratchBytes, ...addresses, batch, length, heads, keys, values, Number(constant));
    return outputs;
  };

export const decayScanGradOnWasm =
  (machine: Machine<DecayScanModule & ReduceModule>) =>
  (inputs: DecayScanGradInputs, { withDecay }: DecayScanGradAttrs): TensorInfo[] => {
    const { heap, module, run } = machine;
    const { q, k, v, logDecay, dO, dST } = inputs;
    const { batch, length, heads, keys, values, constant } = sizesOf(inputs);
    const gradients = [q, k, v, dST, ...(withDecay ? [logDecay] : [])].map(({ shape }) => heap.output(shape));
    const before = [...given(inputs), dO, dST, ...gradients.slice(0, 4)].map((tensor) => heap.addressOrNone(tensor));
    const dLogDecay = heap.addressOrNone(gradients[4]);
    const parts = withDecay && constant ? heap.shared(4 * batch * heads) : dLogDecay;
    const blocks = module.decayScanBlocks(batch, length, heads, keys, values);
    const scratchBytes = module.decayScanGradScratchBytes(length, keys, values) >>> 0;
    run('decayScanGrad', blocks, scratchBytes, ...before, parts, batch, length, heads, keys, values, Number(constant));
    if (withDecay && constant) sumParts(machine, parts, dLogDecay, batch, heads);
    return gradients;
  };
