import { dispose, engine, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { mapTree, tensorsOf } from './tree';

/** The same form as the parameters; null where the loss does not depend on a parameter. */
export type Gradients<P> = P extends Tensor ? P | null : { [K in keyof P]: Gradients<P[K]> };

/**
 * The loss and its gradient with respect to every tensor of `params`. Unlike `variableGrads` it needs no
 * variables and tells "no gradient" (null) from "gradient zero", as optimisers that skip the former must know.
 * The caller disposes of both.
 */
export function valueAndGrads<P extends object>(loss: (params: P) => Scalar, params: P): { value: Scalar; grads: Gradients<P> } {
  const tensors = [...tensorsOf(params)].map(([, tensor]) => tensor);
  const { value, grads } = engine().gradients(() => loss(params), tensors, undefined, true);
  let next = 0;
  return { value: value as Scalar, grads: mapTree(params, () => grads[next++] ?? null) as Gradients<P> };
}

/** Frees what {@link valueAndGrads} returned. */
export function disposeGrads(result: { value: Scalar; grads: unknown }): void {
  dispose([result.value, ...[...tensorsOf(result.grads)].map(([, tensor]) => tensor)]);
}
