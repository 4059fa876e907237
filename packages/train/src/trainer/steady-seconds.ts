import type { Precision } from '@densessm/kernels';
import { CALLS_BEFORE_REPLAY, runtimeOf } from '@densessm/kernels/internal';
import { disposeTree } from '@densessm/ssm-core';
import type { Batch } from '../data/batch';
import { gatherGradients } from './gather';
import { disposeMicroBatch, type ModelRun } from './gradients';
import { countTargets } from './loss';
import { lossScale } from './measures';
import type { ReplayedGradients } from './replayed';

/** How steps compute their micro-batches. */
interface StepOptions<C, P extends object, State> {
  readonly precision?: Precision;
  readonly carryState?: boolean;
  readonly replayed?: ReplayedGradients<C, P, State>;
  /** Micro-batches of a step, in all processes. */
  readonly parts: number;
}

/** Seconds of a micro-batch of which the host takes a small part: it is not computed again. */
const LONG = 3;

/**
 * What loss and gradients of a micro-batch take in a step that is not one of the first: those compile, and on a GPU they are recorded, which serves the steps
 * behind as well. One that takes long is not computed again.
 */
export async function steadySeconds<C, P extends object, State>(
  run: ModelRun<C, P, State>,
  params: P,
  batch: Batch,
  { precision, carryState, replayed, parts }: StepOptions<C, P, State>,
): Promise<number> {
  const targets = parts * Math.max(1, countTargets(batch.targets));
  const isReplayed = replayed && !carryState && runtimeOf()?.recorder !== undefined;
  const how = {
    targets,
    scale: lossScale(precision, targets),
    carried: carryState ? [] : undefined,
    precision,
    isWhole: parts === 1,
    replayed,
  };
  let seconds = 0;
  for (let unsteady = isReplayed ? CALLS_BEFORE_REPLAY : 1; unsteady >= 0 && seconds < LONG; unsteady--) {
    const began = performance.now();
    const { sum, states } = gatherGradients(run, params, [batch], how);
    await sum.loss.data().finally(() => {
      disposeMicroBatch(sum);
      disposeTree(states);
    });
    seconds = (performance.now() - began) / 1000;
  }
  return seconds;
}
