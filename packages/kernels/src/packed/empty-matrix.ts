import type { PackedMatrix, WeightType } from '@densessm/ssm-core';

export interface PackedMatrixOptions {
  /** The type that weights are kept in; activations and results are float32. */
  type: WeightType;
  /** Names the weights in errors. */
  name?: string;
}

/** Makes a packed matrix [out, width] of zeros, to be filled by its `write` or `writeIntegers`. @throws SsmError OPTION, SHAPE, or BACKEND without room */
export type EmptyMatrix = (shape: readonly [out: number, width: number], options: PackedMatrixOptions) => PackedMatrix;
