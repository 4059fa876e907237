import { crossEntropy } from '@densessm/kernels';
import { reshape, type Scalar, type Tensor1D, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import { IGNORED_TARGET } from '../data/batch';

/** Mean negative log likelihood of the targets that count. logits [B, T, V], targets [B·T] int32 → scalar. */
export function meanLoss(logits: Tensor3D, targets: Tensor1D): Scalar {
  const rows: Tensor2D = reshape(logits, [-1, logits.shape[2]]);
  return crossEntropy({ logits: rows, targets }, { ignoreIndex: IGNORED_TARGET }) as Scalar;
}

/** How many targets count. */
export function countTargets(targets: Int32Array): number {
  let count = 0;
  for (let i = 0; i < targets.length; i++) if (targets[i] !== IGNORED_TARGET) count++;
  return count;
}
