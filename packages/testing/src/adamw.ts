import { type Gradients, mapTree, tensorsOf } from '@densessm/ssm-core';
import { tensor } from '@tensorflow/tfjs-core';

export interface AdamWOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** Decoupled, and applied to every parameter that has a gradient, norms included: torch's own behaviour. */
  weightDecay: number;
  /** Largest global norm of the gradients, as torch's clip_grad_norm_; none where left out. */
  clipNorm?: number;
}

interface Moments {
  step: number;
  mean: Float64Array;
  square: Float64Array;
}

/** Moments by the path of their parameter. A parameter whose gradient never came has none, as in torch. */
export type AdamWState = Map<string, Moments>;

/**
 * One step of torch.optim.AdamW (Loshchilov and Hutter 2019, Algorithm 2) in float64 on the host, for tests.
 * Parameters without a gradient are left alone, weight decay included. Returns new parameters and the norm before clipping.
 */
export async function adamW<P extends object>(
  params: P,
  grads: Gradients<P>,
  state: AdamWState,
  options: AdamWOptions,
): Promise<{ params: P; norm: number }> {
  const { learningRate, beta1, beta2, eps, weightDecay, clipNorm } = options;
  const gradients = new Map<string, ArrayLike<number>>();
  for (const [path, grad] of tensorsOf(grads)) gradients.set(path.join('.'), await grad.data());
  let squares = 0;
  for (const grad of gradients.values()) for (let i = 0; i < grad.length; i++) squares += (grad[i] as number) ** 2;
  const norm = Math.sqrt(squares);
  const shrink = clipNorm === undefined ? 1 : Math.min(1, clipNorm / (norm + 1e-6)); // torch's own 1e-6
  const values = new Map<string, Float32Array>();
  for (const [path, param] of tensorsOf(params)) values.set(path.join('.'), Float32Array.from(await param.data()));
  for (const [name, grad] of gradients) {
    const value = values.get(name) as Float32Array;
    const moments = state.get(name) ?? { step: 0, mean: new Float64Array(grad.length), square: new Float64Array(grad.length) };
    state.set(name, moments);
    const { mean, square } = moments;
    const step = ++moments.step;
    for (let i = 0; i < value.length; i++) {
      const g = (grad[i] as number) * shrink;
      mean[i] = beta1 * (mean[i] as number) + (1 - beta1) * g;
      square[i] = beta2 * (square[i] as number) + (1 - beta2) * g * g;
      const direction = (mean[i] as number) / (1 - beta1 ** step) / (Math.sqrt((square[i] as number) / (1 - beta2 ** step)) + eps);
      value[i] = (value[i] as number) * (1 - learningRate * weightDecay) - learningRate * direction;
    }
  }
  return { params: mapTree(params, (param, path) => tensor(values.get(path.join('.')) as Float32Array, param.shape)), norm };
}
