/** For pages: the same as `loadModel`, in a worker. */
export type { Trace } from '@densessm/inspect';
export type { KeptFile, KeptModel, StorageRoom } from '@densessm/runtime-web';
export { createWorkerClient, loadModelInWorker } from './create-worker-client';
export type {
  DeviceFacts,
  DeviceOptions,
  KernelReport,
  WorkerClient,
  WorkerClientOptions,
  WorkerDownloadOptions,
  WorkerLoadOptions,
  WorkerProgress,
  WorkerSource,
} from './worker-client';
export type {
  InspectOptions,
  ModelFacts,
  TextTrace,
  TimedPart,
  TimedText,
  WorkerModel,
  WorkerSession,
  WorkerSessionMark,
} from './worker-model';
export type {
  ModelFile,
  SavedRun,
  TrainingEvent,
  TrainingFacts,
  TrainingFamily,
  TrainingRun,
  TrainingState,
  TrainingText,
  TrainOptions,
  Twin,
  TwinStep,
} from './worker-training';
