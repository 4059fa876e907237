import { squareSum } from '@densessm/kernels';
import { tensorsOf } from '@densessm/ssm-core';
import { addN, type Scalar, scalar, sqrt, tidy } from '@tensorflow/tfjs-core';

/** The Euclidean norm of all gradients of a tree together, a scalar that the caller frees. 0 where there are none. */
export function gradientNorm(grads: unknown): Scalar {
  return tidy(() => {
    const squares = [...tensorsOf(grads)].map(([, grad]) => squareSum({ x: grad }));
    return squares.length === 0 ? scalar(0) : sqrt(addN(squares));
  });
}

/** What gradients of this norm are multiplied by so that it is at most `largest`: torch's clip_grad_norm_, its 1e-6 included. */
export const clipFactor = (norm: number, largest: number): number => Math.min(1, largest / (norm + 1e-6));
