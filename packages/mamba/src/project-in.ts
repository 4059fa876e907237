import { linearParts } from '@densessm/kernels/internal';
import type { OutputRange, PackedMatrix } from '@densessm/ssm-core';
import { lastToken } from '@densessm/ssm-core/internal';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

interface Projection {
  weight: Tensor2D | PackedMatrix;
  bias?: Tensor1D;
}

/**
 * What a mixer projects from its input x [B, T, D], in parts: first the channels that gate its output, of all tokens or of the last one alone, then `others`,
 * each [B, T, size].
 */
export function projectIn(
  { weight: w, bias }: Projection,
  { x, lastOnly }: { x: Tensor3D; lastOnly: boolean },
  gate: OutputRange,
  others: readonly OutputRange[],
): Tensor3D[] {
  if (lastOnly) return [...linearParts({ x: lastToken(x), w, bias }, [gate]), ...linearParts({ x, w, bias }, others)];
  const asTheyLie = [gate, ...others].sort(([a], [b]) => a - b); // a whole, of which tensors are cut
  const parts = linearParts({ x, w, bias }, asTheyLie);
  return [gate, ...others].map((part) => parts[asTheyLie.indexOf(part)] as Tensor3D);
}
