import { crossEntropy, linearCrossEntropy } from '@densessm/kernels';
import type { ForwardOptions } from '@densessm/ssm-core';
import { reshape, type Scalar, type Tensor1D, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';
import { IGNORED_TARGET } from '../data/batch';

/** More logits than these, 64 MiB, are not made at once where the model shows its head. */
const MANY_LOGITS = 2 ** 24;

const rowsOf = (x: Tensor3D): Tensor2D => reshape(x, [-1, x.shape[2]]);

/**
 * Mean negative log likelihood of the targets that count, [B·T] int32 → scalar. `read` runs the model, whose head is [V, D]: to logits
 * [B, T, V], or, where those are many, to what the head reads, which the loss then takes chunk by chunk.
 */
export function meanLoss(read: (options: ForwardOptions) => Tensor3D, targets: Tensor1D, head: Tensor2D | undefined): Scalar {
  const attrs = { ignoreIndex: IGNORED_TARGET };
  if (head !== undefined && targets.size * head.shape[0] > MANY_LOGITS)
    return linearCrossEntropy({ x: rowsOf(read({ logits: 'none' })), w: head, targets }, attrs);
  return crossEntropy({ logits: rowsOf(read({})), targets }, attrs) as Scalar;
}

/** How many targets count. */
export function countTargets(targets: Int32Array): number {
  let count = 0;
  for (let i = 0; i < targets.length; i++) if (targets[i] !== IGNORED_TARGET) count++;
  return count;
}
