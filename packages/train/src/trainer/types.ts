import type { SequenceModel } from '@densessm/ssm-core';
import type { BatchSampler } from '../data/batch';
import type { Optimizer } from '../optimizers/optimizer';
import type { Schedule } from '../schedules/schedules';

export interface TrainerOptions<C, P extends object, State> {
  model: SequenceModel<C, P, State>;
  config: C;
  /** The trainer's from now on: a step replaces them, so read {@link Trainer.params} anew after each. */
  params: P;
  /** The trainer's from now on. */
  optimizer: Optimizer;
  schedule: Schedule;
  sampler: BatchSampler;
  /** Largest global norm of the gradients; none where left out. */
  gradClip?: number;
  /** Micro-batches whose gradients make one step; 1 unless given. */
  gradientAccumulationSteps?: number;
  /** Recomputes each layer in the backward pass instead of keeping its activations. */
  recompute?: boolean;
  /**
   * Truncated backpropagation through time: each row continues from the state in which the step before left it, as a constant. Needs a
   * sampler whose rows go on, as `consecutiveBlocks` does.
   */
  carryState?: boolean;
  /** Steps in a row that may be skipped because loss or gradients were not finite; one more is an error. 10 unless given. */
  maxSkippedSteps?: number;
}

/** What one step did. */
export interface StepRecord {
  /** Counted from 0. */
  step: number;
  /** Mean negative log likelihood of the step's targets in nats, before the update. */
  loss: number;
  learningRate: number;
  /** Global norm before clipping. */
  gradNorm: number;
  /** Tokens read. */
  tokens: number;
  /** Whether nothing was updated because loss or norm was not finite. */
  skipped: boolean;
  /** Wall time. */
  seconds: number;
}

export interface Evaluation {
  /** Mean negative log likelihood over all targets in nats. */
  loss: number;
  /** Number of targets. */
  tokens: number;
}

/** A tensor as plain data: `serializeSafetensors` of `@densessm/checkpoint` takes maps of them. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** Everything that a bit-equal continuation needs, as plain data: tensors, and counters that survive JSON. */
export interface TrainingState {
  /** Parameters by their names on disk. */
  params: ReadonlyMap<string, HostTensor>;
  /** What the optimizer remembers and the carried states, by name. */
  tensors: ReadonlyMap<string, HostTensor>;
  counters: TrainingCounters;
}

export interface TrainingCounters {
  /** Steps done, skipped ones included. */
  steps: number;
  /** Skipped steps. */
  skipped: number;
  /** Skipped steps in a row up to now. */
  skippedInARow: number;
  /** Tokens read in all steps. */
  tokens: number;
  optimizer: { name: string; steps: Record<string, number> };
  /** The carried state of each micro-batch of a step, with names in place of tensors. */
  carried: unknown[];
}
