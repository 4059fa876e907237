import type { Communicator } from '@densessm/distributed';
import { disposeTree } from '@densessm/ssm-core';
import { Trainer, type TrainingState } from '@densessm/train';
import type { Settings } from '../settings/table';
import { optimizerOf, type Prepared, samplerOf, scheduleOf } from './prepare';

export type AnyTrainer = Trainer<object, object, unknown>;

/** The trainer of a run that begins, or that continues from a state. */
export function openTrainer(
  settings: Settings,
  { data, loaded }: Prepared,
  { state, world }: { state?: TrainingState; world?: Communicator },
): AnyTrainer {
  const { gradientAccumulationSteps, recompute, carryState, precision, outerSteps, outerLearningRate, outerMomentum } = settings;
  const outer = { every: outerSteps, learningRate: outerLearningRate, momentum: outerMomentum };
  const options = {
    model: loaded.model,
    config: loaded.config,
    optimizer: optimizerOf(settings),
    schedule: scheduleOf(settings),
    sampler: samplerOf(data.train, settings, world?.size),
    gradClip: settings.gradClip === 0 ? undefined : settings.gradClip,
    gradientAccumulationSteps,
    recompute,
    carryState,
    precision,
    ...(world && { peers: world }),
    ...(outerSteps > 0 && { outer }),
  };
  if (state === undefined) return new Trainer({ ...options, params: loaded.params });
  disposeTree(loaded.params); // the checkpoint has its own
  return Trainer.restore<object, object, unknown>(options, state);
}
