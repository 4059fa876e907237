import { type DecodeProgram, type ProductStep, packedOf, type Slot } from '@densessm/kernels/decode';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { DenseConfig } from './config';
import type { DenseParams } from './spec';

/** Whether decode programs have steps for these connections: sums of the sources as they are, behind one gate for all of them or none (the default). */
export const isRecordable = ({ denseLayers, fusion, projection, gatePerSource }: DenseConfig): boolean =>
  denseLayers === 0 || (fusion === 'add' && projection === 'identity' && !gatePerSource);

/** Where the gate of a connection is computed. Letters: B texts, D width of the layer input, r rank, W width of the hidden states. */
export interface GateSlots {
  /** What the gate reads, [B, D]. */
  x: Slot;
  /** Between the two layers of an mlp gate, [B, r]. */
  middle: Slot;
  /** [B, W] */
  gate: Slot;
}

/** The products of a gate: fc2 SiLU(fc1 x) (mlp) or fc x (linear). */
export interface RecordedGate {
  /** Those with x, to be recorded beside others with x. */
  readonly first: readonly ProductStep[];
  /** Those with the results of the first, to be recorded later. */
  readonly second: readonly ProductStep[];
  /** Where the gate comes to lie, before the SiLU of what reads it; undefined without one. */
  readonly gate: Slot | undefined;
}

/** The gate of one connection for a decode program; `params` are undefined in a layer without the connection. @throws SsmError WEIGHTS where they are not packed */
export function recordedGate(program: DecodeProgram, params: DenseParams | undefined, { x, middle, gate }: GateSlots): RecordedGate {
  const product = (matrix: Tensor2D, from: Slot, y: Slot): ProductStep => ({ matrix: packedOf(program, matrix), x: from, y });
  const { fc, fc1, fc2 } = params ?? {};
  if (fc) return { first: [product(fc, x, gate)], second: [], gate };
  if (!fc1 || !fc2) return { first: [], second: [], gate: undefined };
  return { first: [{ ...product(fc1, x, middle), activation: 'silu' }], second: [product(fc2, middle, gate)], gate };
}
