export { type Batch, type BatchSampler, IGNORED_TARGET, type TokenSource } from './data/batch';
export type { Optimizer, OptimizerState, ParamRule, Update } from './optimizers/optimizer';
export type { Schedule } from './schedules/schedule';
export type { Evaluation, HostTensor, StepRecord, TrainerOptions, TrainingCounters, TrainingState } from './trainer/types';
