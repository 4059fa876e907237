import { add, erf, mul, neg, sigmoid, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { siluKernel } from './silu';
import { softplusKernel } from './softplus';

/** x σ(x), also called swish. Elfwing et al. 2018. Any shape, float32. */
export const silu = <X extends Tensor>(x: X): X => siluKernel({ x }) as X;

/** ln(1 + eˣ). Any shape. Its gradient is σ(x). */
export const softplus = <X extends Tensor>(x: X): X => softplusKernel({ x }) as X;

/** ln σ(x) = −softplus(−x). Any shape. Its gradient is σ(−x), for which tfjs's own `logSigmoid` throws inside {@link valueAndGrads} of ssm-core. */
export const logSigmoid = <X extends Tensor>(x: X): X => tidy(() => neg(softplus(neg(x))));

/** x Φ(x) = x/2 · (1 + erf(x/√2)). Hendrycks and Gimpel 2016, arXiv:1606.08415, §2. Any shape. */
export const gelu = <X extends Tensor>(x: X): X => tidy(() => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)));

/** The tanh approximation of {@link gelu}, x/2 · (1 + tanh z), with z = √(2/π) (x + 0.044715 x³); 1 + tanh z = 2 σ(2z). Same source. */
export const geluTanh = <X extends Tensor>(x: X): X =>
  tidy(() => {
    const scale = 2 * Math.sqrt(2 / Math.PI);
    return mul(x, sigmoid(mul(mul(x, scale), add(mul(mul(x, x), 0.044715), 1))));
  });
