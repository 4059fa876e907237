import type { Precision } from '@densessm/kernels';
import type { SequenceModel } from '@densessm/ssm-core';
import type { BatchSampler } from '../data/batch';
import type { Optimizer } from '../optimizers/optimizer';
import type { Schedule } from '../schedules/schedules';
import type { OuterOptions } from './outer-step';
import type { Peers } from './peers';

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
  /**
   * What the products of forward and backward take: 'f16' rounds their factors to float16 on a GPU that has it and sums in float32, while weights and all
   * else stay float32. 'f32' unless given; on other devices they stay so.
   */
  precision?: Precision;
  /**
   * Whether a GPU gets the commands of a micro-batch again for each that follows, once two of one shape told it the same: the same bits, without what an
   * operation costs the host. Their memory, and that of a copy of the parameters, then stays in use between steps, save while `evaluate` runs. Steps of
   * carried states are not replayed; a model that now and then decides on the host what to compute must not be. True unless given.
   */
  replay?: boolean;
  /** Steps in a row that may be skipped because loss or gradients were not finite; one more is an error. 10 unless given. */
  maxSkippedSteps?: number;
  /**
   * The processes that train the same model together, each with a trainer of the same options: N of them with micro-batches of B rows do
   * what one with N · B rows does. The sampler must be made for `gradientAccumulationSteps` · N micro-batches.
   */
  peers?: Peers;
  /** Trains with little communication: processes add up nothing in a step, and meet every so many. See {@link OuterOptions}. */
  outer?: OuterOptions;
  /** Steps (or outer steps) between two comparisons of the parameters of all peers, by a hash; 50 unless given, 0 for none. */
  checkInterval?: number;
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
  /** The carried state of each micro-batch of a step, of all peers, with names in place of tensors. */
  carried: unknown[];
}
