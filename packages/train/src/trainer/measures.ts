import type { Precision } from '@densessm/kernels';
import { mul, type Scalar, stack, type Tensor1D, tidy } from '@tensorflow/tfjs-core';
import { gradientNorm } from '../optimizers/clip';

/** [2]: the loss of a step and the norm of all of its gradients, of which both are `scale` times as large. The caller frees it. */
export const measuresOf = ({ loss, norm, grads }: { loss: Scalar; norm?: Scalar; grads: unknown }, scale: number): Tensor1D =>
  tidy(() => {
    const both = stack([loss, norm ?? gradientNorm(grads)]) as Tensor1D;
    return scale === 1 ? both : mul(both, 1 / scale);
  });

/**
 * What the loss is multiplied by, so that its gradients are not too small for the numbers that products take: of a mean over all targets those of a logit
 * are at most one over their number, and float16 ends at 6e-8. A power of two, so that it rounds nothing.
 */
export const lossScale = (precision: Precision | undefined, targets: number): number =>
  precision === 'f16' ? 2 ** Math.round(Math.log2(targets)) : 1;
