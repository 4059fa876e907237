import {
  disposeGrads,
  disposeTree,
  type ForwardOptions,
  type Gradients,
  mapTree,
  type SequenceModel,
  tidyTree,
  valueAndGrads,
} from '@densessm/ssm-core';
import { add, clone, dispose, keep, mul, type Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { DeviceBatch } from './device-batch';
import { meanLoss } from './loss';

/** A model as training runs it. */
export interface ModelRun<C, P extends object, State> {
  model: SequenceModel<C, P, State>;
  config: C;
  options: ForwardOptions;
}

/** What a micro-batch contributes to a step. */
export interface MicroBatchGradients<P extends object, State> {
  /** Its share of the step's mean loss. */
  loss: Scalar;
  /** Its share of the gradient. */
  grads: Gradients<P>;
  /** Of these gradients, where it was computed with them; the caller frees it too. */
  norm?: Scalar;
  /** The state after its last token, where one was carried in. */
  state?: State;
}

/**
 * Loss and gradients of one micro-batch, times `share`: its part of all targets of the step, so that the sum over micro-batches is what
 * one large batch would give. With `carried` the text continues from a state, through which no gradient flows. The caller frees all of it.
 */
export function microBatchGradients<C, P extends object, State>(
  { model, config, options }: ModelRun<C, P, State>,
  params: P,
  batch: DeviceBatch,
  share: number | Scalar,
  carried?: State,
): MicroBatchGradients<P, State> {
  const { tokens, targets, documentStarts } = batch;
  const given: ForwardOptions = documentStarts ? { ...options, documentStarts } : options;
  let state: State | undefined;
  const loss = (current: P): Scalar => {
    const mean = meanLoss((some) => read(current, { ...given, ...some }), targets, model.head?.(current));
    return share === 1 ? mean : mul(mean, share);
  };
  const read = (current: P, wanted: ForwardOptions) => {
    if (carried === undefined) return model.forward(current, config, tokens, wanted);
    const [output, next] = model.advance(current, config, tokens, carried, wanted);
    state = mapTree(next, (tensor) => keep(clone(tensor)));
    return output;
  };
  try {
    const { value, grads } = valueAndGrads(loss, params);
    return { loss: value, grads, state };
  } catch (error) {
    disposeTree(state);
    throw error;
  }
}

/** Frees what a micro-batch contributed, save its state. */
export function disposeMicroBatch({ loss, grads, norm }: { loss: Scalar; grads: unknown; norm?: Scalar }): void {
  disposeGrads({ value: loss, grads });
  norm?.dispose();
}

/** The sum of two contributions; frees both, save the states, which are the caller's. */
export function sumOf<P extends object, State>(
  a: MicroBatchGradients<P, State>,
  b: MicroBatchGradients<P, State>,
): MicroBatchGradients<P, State> {
  try {
    const sum = tidyTree(() => ({ loss: add<Scalar>(a.loss, b.loss), grads: addTrees(a.grads, b.grads) as Gradients<P> }));
    dispose([a.loss, b.loss]);
    return sum;
  } catch (error) {
    for (const one of [a, b]) disposeMicroBatch(one);
    throw error;
  }
}

/** Sums tensor by tensor, null where both are; frees what it adds. */
function addTrees(a: unknown, b: unknown): unknown {
  if (a instanceof Tensor && b instanceof Tensor) {
    const sum = add(a, b);
    dispose([a, b]);
    return sum;
  }
  if (a === null || b === null) return a ?? b;
  if (a instanceof Tensor || b instanceof Tensor || typeof a !== 'object' || typeof b !== 'object') return a;
  if (Array.isArray(a)) return a.map((branch, i) => addTrees(branch, (b as unknown[])[i]));
  return Object.fromEntries(
    Object.entries(a as object).map(([key, branch]) => [key, addTrees(branch, (b as Record<string, unknown>)[key])]),
  );
}
