export { type Batch, type BatchSampler, type BlockOptions, IGNORED_TARGET, type TokenSource } from './data/batch';
export { type EvaluationOptions, evaluationBlocks } from './data/evaluation';
export {
  type ConsecutiveOptions,
  consecutiveBlocks,
  type EpochOptions,
  packedDocuments,
  type RandomBlocksOptions,
  randomBlocks,
} from './data/samplers';
export { sourcePart, type TokenSourceOptions, tokenSource } from './data/source';
export { type AdamWOptions, adamW } from './optimizers/adamw';
export { clipFactor, gradientNorm } from './optimizers/clip';
export { type MuonOptions, muon } from './optimizers/muon';
export {
  decaysByDefault,
  type Optimizer,
  type OptimizerState,
  type ParamRule,
  type StepMeasures,
  type Update,
} from './optimizers/optimizer';
export { type SgdOptions, sgd } from './optimizers/sgd';
export { gateStatistics } from './records/gate-statistics';
export { parseRecordLine, recordLine } from './records/jsonl';
export type {
  EvaluationRecord,
  GateRecord,
  GateStatistics,
  Histogram,
  RunRecord,
  SampleRecord,
  TrainingRecord,
} from './records/record';
export { configEvent, eventFileName, recordEvent, startEvent } from './records/tensorboard/events';
export { SCHEDULE_NAMES, type ScheduleName, type ScheduleOptions, scheduleByName } from './schedules/by-name';
export {
  type Curve,
  constantSchedule,
  cosineSchedule,
  type DecayOptions,
  linearSchedule,
  type PolynomialOptions,
  polynomialSchedule,
  type Schedule,
  type WarmupOptions,
  type WarmupStableDecayOptions,
  warmupStableDecaySchedule,
} from './schedules/schedules';
export { evaluate } from './trainer/evaluate';
export type { OuterOptions } from './trainer/outer-step';
export type { Peers } from './trainer/peers';
export { Trainer } from './trainer/trainer';
export type { Evaluation, HostTensor, StepRecord, TrainerOptions, TrainingCounters, TrainingState } from './trainer/types';
