import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import { type ReduceModule, sumParts } from '../../../backends/wasm/tfjs-patches/reduce/kernel';
import type { SelectiveScanGradInputs, SelectiveScanGradOfCInputs } from '../gradient';
import { type SelectiveScanInputs, sizesOf } from '../inputs';

/** Exports of assembly.ts. */
export interface SelectiveScanModule {
  selectiveScanBlocks(batch: number, length: number, channels: number, states: number, groups: number): number;
  selectiveScanScratchBytes(channels: number, states: number, groups: number): number;
  /** u, delta, A, B, C, D, h0, starts, y, hT, batch, length, channels, states, groups, share, scratch */
  selectiveScan(...addressesAndSizes: number[]): void;
  selectiveScanGradScratchBytes(length: number, channels: number, states: number, groups: number): number;
  /** u, delta, A, B, C, D, h0, starts, dy, dhT, dyReads, CReads, du, dDelta, dA, dB, dC, dh0, dD, reads, and the last seven as above */
  selectiveScanGrad(...addressesAndSizes: number[]): void;
  /** u, delta, A, B, h0, starts, dy, dC, and the last seven as above */
  selectiveScanGradOfC(...addressesAndSizes: number[]): void;
}

export const selectiveScanOnWasm =
  ({ heap, module, run }: Machine<SelectiveScanModule>) =>
  (inputs: SelectiveScanInputs): TensorInfo[] => {
    const { u, delta, A, B, C, D, h0, starts } = inputs;
    const { B: batch, T, E, N, G } = sizesOf(inputs);
    const [y, hT] = [heap.output(u.shape), heap.output([batch, E, N])];
    const addresses = [u, delta, A, B, C, D, h0, starts, y, hT].map((tensor) => heap.addressOrNone(tensor));
    const scratchBytes = module.selectiveScanScratchBytes(E, N, G) >>> 0;
    run('selectiveScan', module.selectiveScanBlocks(batch, T, E, N, G), scratchBytes, ...addresses, batch, T, E, N, G);
    return [y, hT];
  };

type Seven = [number, number, number, number, number, number, number];

export const selectiveScanGradOnWasm =
  (machine: Machine<SelectiveScanModule & ReduceModule>) =>
  (inputs: SelectiveScanGradInputs): TensorInfo[] => {
    const { heap, module, run } = machine;
    const { u, delta, A, B, C, D, h0, starts, dy, dhT, dyReads, CReads } = inputs;
    const { B: batch, T, E, N, G } = sizesOf(inputs);
    const gradients = [u.shape, delta.shape, A.shape, B.shape, C.shape, [batch, E, N], [E]].map((shape) => heap.output(shape));
    const given = [u, delta, A, B, C, D, h0, starts, dy, dhT, dyReads, CReads].map((tensor) => heap.addressOrNone(tensor));
    const [du, dDelta, dA, dB, dC, dh0, dD] = gradients.map((tensor) => heap.address(tensor)) as Seven;
    const shares = module.selectiveScanBlocks(batch, T, E, N, G);
    const parts = shares > 1 ? heap.shared(2 * shares * B.size * 4) : 0;
    const partsOfC = parts + shares * B.size * 4;
    const [toB, toC] = shares > 1 ? [parts, partsOfC] : [dB, dC];
    const scratchBytes = module.selectiveScanGradScratchBytes(T, E, N, G) >>> 0;
    const reads = dyReads?.shape[0] ?? 0;
    run('selectiveScanGrad', shares, scratchBytes, ...given, du, dDelta, dA, toB, toC, dh0, dD, reads, batch, T, E, N, G);
    if (shares > 1) sumParts(machine, parts, dB, shares, B.size);
    if (shares > 1) sumParts(machine, partsOfC, dC, shares, B.size);
    return gradients;
  };

export const selectiveScanGradOfCOnWasm =
  (machine: Machine<SelectiveScanModule & ReduceModule>) =>
  (inputs: SelectiveScanGradOfCInputs): TensorInfo => {
    const { heap, module, run } = machine;
    const { u, delta, A, B, h0, starts, dy } = inputs;
    const { B: batch, T, E, N, G } = sizesOf(inputs);
    const output = heap.output(B.shape);
    const dC = heap.address(output);
    const given = [u, delta, A, B, h0, starts, dy].map((tensor) => heap.addressOrNone(tensor));
    const shares = module.selectiveScanBlocks(batch, T, E, N, G);
    const parts = shares > 1 ? heap.shared(shares * B.size * 4) : dC;
    const scratchBytes = module.selectiveScanGradScratchBytes(T, E, N, G) >>> 0;
    run('selectiveScanGradOfC', shares, scratchBytes, ...given, parts, batch, T, E, N, G);
    if (shares > 1) sumParts(machine, parts, dC, shares, B.size);
    return output;
  };
