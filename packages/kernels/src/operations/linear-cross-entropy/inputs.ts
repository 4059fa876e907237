import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';

export interface LinearCrossEntropyInputs {
  /** [M, D] */
  x: Tensor2D;
  /** The head, [V, D]. */
  w: Tensor2D;
  /** [M] int32 */
  targets: Tensor1D;
}
export interface LinearCrossEntropyAttrs {
  /** Rows with this target do not count. */
  ignoreIndex: number;
  /** How many logits may exist at a time; the rows are cut accordingly. But for rounding, the result does not depend on it. */
  logitValues: number;
}

/** Rows of x whose logits exist at a time: as few chunks as may be, of nearly one length. */
export function rowsOfChunk({ x, w }: LinearCrossEntropyInputs, { logitValues }: LinearCrossEntropyAttrs): number {
  const rows = Math.max(1, x.shape[0]);
  const most = Math.max(1, Math.floor(logitValues / Math.max(1, w.shape[0])));
  return Math.ceil(rows / Math.ceil(rows / most));
}
