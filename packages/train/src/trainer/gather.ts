import { disposeTree } from '@densessm/ssm-core';
import type { Batch } from '../data/batch';
import { toDevice } from './device-batch';
import { type MicroBatchGradients, type ModelRun, microBatchGradients, sumOf } from './gradients';
import { countTargets } from './loss';

/** A step's gradients before anything was changed. */
export interface Gathered<P extends object, State> {
  sum: MicroBatchGradients<P, State>;
  /** The states after each micro-batch, where states are carried. */
  states: State[];
}

/**
 * Sums the contributions of some micro-batches, each weighted by its part of all `targets` of the step. With `carried` they go on from
 * states, or from fresh ones where there is none yet.
 */
export function gatherGradients<C, P extends object, State>(
  run: ModelRun<C, P, State>,
  params: P,
  batches: readonly Batch[],
  targets: number,
  carried: readonly State[] | undefined,
): Gathered<P, State> {
  const states: State[] = [];
  let sum: MicroBatchGradients<P, State> | undefined;
  for (const [part, batch] of batches.entries()) {
    const device = toDevice(batch);
    const fresh = carried && carried[part] === undefined ? run.model.initialState(run.config, batch.batchSize) : undefined;
    try {
      const share = countTargets(batch.targets) / targets;
      const own = microBatchGradients(run, params, device, share, carried && (carried[part] ?? fresh));
      if (own.state !== undefined) states.push(own.state);
      sum = sum ? sumOf(sum, own) : own;
    } finally {
      disposeTree([device, fresh]);
    }
  }
  return { sum: sum as MicroBatchGradients<P, State>, states };
}
