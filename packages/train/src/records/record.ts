/**
 * What a run writes down as it goes. `step` counts updates: a step record of step n tells of the batch that made update n (from 0), every
 * other record of the parameters after n updates. So all records of one step were made with the same parameters.
 */
import type { StepRecord } from '../trainer/types';

interface Timed {
  /** Seconds since 1970. */
  wallTime: number;
}

export interface TrainingRecord extends StepRecord, Timed {
  type: 'step';
}

/** The loss on held-out text. */
export interface EvaluationRecord extends Timed {
  type: 'evaluation';
  step: number;
  /** Mean negative log likelihood in nats. */
  loss: number;
  /** Number of targets. */
  tokens: number;
}

/** What the model writes. */
export interface SampleRecord extends Timed {
  type: 'sample';
  step: number;
  /** Given to the model; not part of `text`. */
  prompt: string;
  text: string;
}

/** The gates of the dense connections on one batch. */
export interface GateRecord extends Timed {
  type: 'gates';
  step: number;
  gates: GateStatistics[];
}

export interface GateStatistics {
  /** The layer that reads through the gate, counted from 0. */
  layer: number;
  /** What passes the gate: 'state', 'k', 'v', 'B' or 'u'. */
  name: string;
  mean: number;
  std: number;
  absMax: number;
  /** Fraction of the values whose magnitude is below {@link NEAR_ZERO}. */
  nearZero: number;
  histogram: Histogram;
}

/** Counts of values in bins of equal width between the least and the greatest value. */
export interface Histogram {
  min: number;
  max: number;
  counts: number[];
}

export type RunRecord = TrainingRecord | EvaluationRecord | SampleRecord | GateRecord;

/** A gate this near to zero is called closed: it lets through less than a hundredth of a state. */
export const NEAR_ZERO = 0.01;

/**
 * Whether a record is older than a checkpoint made after `step` updates. A run that continues from there writes the others anew.
 * A checkpoint is saved after the evaluations, samples and gates of its step.
 */
export const belongsBefore = (record: Pick<RunRecord, 'type' | 'step'>, step: number): boolean =>
  record.type === 'step' ? record.step < step : record.step <= step;
