import { dispose, engine, type Scalar, type Tensor } from '@tensorflow/tfjs-core';
import { freeTape, namingFailures } from './engine';
import { mapTree, tensorsOf, tidyTree } from './tree';

/** The same form as the parameters; null where the loss does not depend on a parameter. */
export type Gradients<P> = P extends Tensor ? P | null : { [K in keyof P]: Gradients<P[K]> };

/**
 * The loss and its gradient with respect to every tensor of `params`. Unlike `variableGrads` it needs no
 * variables and tells "no gradient" (null) from "gradient zero", as optimizers that skip the former must know.
 * The caller disposes of both.
 * @throws SsmError OPTION that names an operation whose gradient is missing or fails
 */
export function valueAndGrads<P extends object>(loss: (params: P) => Scalar, params: P): { value: Scalar; grads: Gradients<P> } {
  const tensors = [...tensorsOf(params)].map(([, tensor]) => tensor);
  try {
    // in a scope of its own, so that a failing gradient does not leave the loss behind
    const { value, grads } = tidyTree(() => engine().gradients(() => namingFailures(() => loss(params)), tensors, undefined, true));
    let next = 0;
    return { value: value as Scalar, grads: mapTree(params, () => grads[next++] ?? null) as Gradients<P> };
  } catch (error) {
    if (engine().state.gradientDepth === 0) freeTape(); // tfjs would keep what the loss had saved so far
    throw error;
  }
}

/** Frees what {@link valueAndGrads} returned. */
export function disposeGrads(result: { value: Scalar; grads: unknown }): void {
  dispose([result.value, ...[...tensorsOf(result.grads)].map(([, tensor]) => tensor)]);
}
