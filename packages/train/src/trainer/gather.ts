import type { Precision } from '@densessm/kernels';
import { withPrecision } from '@densessm/kernels/internal';
import { disposeTree } from '@densessm/ssm-core';
import type { Batch } from '../data/batch';
import { toDevice } from './device-batch';
import { disposeMicroBatch, type MicroBatchGradients, type ModelRun, microBatchGradients, sumOf } from './gradients';
import { countTargets } from './loss';
import type { ReplayedGradients } from './replayed';

/** A step's gradients before anything was changed. */
export interface Gathered<P extends object, State> {
  sum: MicroBatchGradients<P, State>;
  /** The states after each micro-batch, where states are carried. */
  states: State[];
}

/** How the micro-batches of a step are read. */
export interface Gathering<C, P extends object, State> {
  /** Of the whole step, in all processes. */
  targets: number;
  /** What the loss, a mean over all targets, is multiplied by. */
  scale: number;
  /** States that the micro-batches go on from, or fresh ones where there is none yet; undefined where none are carried. */
  carried: readonly State[] | undefined;
  precision?: Precision;
  /** Whether no others add gradients to those of these micro-batches. */
  isWhole: boolean;
  /** Replays micro-batches, where no state is carried. */
  replayed?: ReplayedGradients<C, P, State>;
}

/** Sums the contributions of some micro-batches, each weighted by its targets. */
export function gatherGradients<C, P extends object, State>(
  run: ModelRun<C, P, State>,
  params: P,
  batches: readonly Batch[],
  { targets, scale, carried, precision = 'f32', isWhole, replayed }: Gathering<C, P, State>,
): Gathered<P, State> {
  const states: State[] = [];
  const withNorm = isWhole && batches.length === 1;
  let sum: MicroBatchGradients<P, State> | undefined;
  const gradientsOf = (batch: Batch, part: number): MicroBatchGradients<P, State> => {
    const device = toDevice(batch);
    let fresh: State | undefined;
    try {
      if (carried && carried[part] === undefined) fresh = run.model.initialState(run.config, batch.batchSize);
      const share = (scale * countTargets(batch.targets)) / targets;
      const copies = part < batches.length - 1;
      return replayed && carried === undefined
        ? replayed.of(params, { batch: device, share, precision, withNorm }, { copies })
        : withPrecision(precision, () => microBatchGradients(run, params, device, share, carried && (carried[part] ?? fresh)));
    } finally {
      disposeTree([device, fresh]);
    }
  };
  try {
    for (const [part, batch] of batches.entries()) {
      const own = gradientsOf(batch, part);
      if (own.state !== undefined) states.push(own.state);
      sum = sum ? sumOf(sum, own) : own;
    }
  } catch (error) {
    if (sum) disposeMicroBatch(sum);
    disposeTree(states);
    throw error;
  }
  return { sum: sum as MicroBatchGradients<P, State>, states };
}
