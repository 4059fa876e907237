import type { SequenceModel } from '@densessm/ssm-core';
import type { BatchSampler } from '../data/batch';
import type { Optimizer } from '../optimizers/optimizer';
import type { Schedule } from '../schedules/schedules';

export interface TrainerOptions<C, P extends object, State> {
  model: SequenceModel<C, P, State>;
  config: C;
  /** The trainer's from now on: read them from {@link Trainer.params} after a step, since a step may replace every one. */
  params: P;
  optimizer: Optimizer;
  schedule: Schedule;
  sampler: BatchSampler;
  /** Largest global norm of the gradients; none where left out. */
  gradClip?: number;
  /** Micro-batches whose gradients make one step; 1 unless given. */
  gradientAccumulationSteps?: number;
  /** Recomputes each layer in the backward pass instead of keeping its activations. */
  recompute?: boolean;
  /** Truncated backpropagation through time: each row goes on from the state in which the last step left it. */
  carryState?: boolean;
  /** Steps in a row that may be skipped because loss or gradient was not finite; 10 unless given. */
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

/** A tensor as plain data. */
export interface HostTensor {
  shape: number[];
  dtype: 'float32' | 'int32';
  values: Float32Array | Int32Array;
}

/** Everything a bit-equal continuation needs, as plain data: tensors, and counters that survive JSON. */
export interface TrainingState {
  /** Parameters by their names on disk. */
  params: Record<string, HostTensor>;
  /** Moments of the optimiser and carried states, by name. */
  tensors: Record<string, HostTensor>;
  counters: TrainingCounters;
}

export interface TrainingCounters {
  /** Steps done, skipped ones included. */
  step: number;
  skipped: number;
  /** Skipped steps in a row up to now. */
  skippedInARow: number;
  /** Tokens read in all steps. */
  tokens: number;
  optimizer: { name: string; counters: Record<string, number> };
  /** Carried states, one for each micro-batch of a step, with names in place of tensors. */
  carried: unknown[];
}
