/** What a page asks of the worker. */
import type { KeptModel, StorageRoom } from '@densessm/runtime-web';
import type { WeightType } from '@densessm/ssm-core';
import type { WorkerModel } from './worker-model';
import type { SavedRun, TrainingRun, TrainOptions } from './worker-training';

/** A URL (also one relative to the page), a Hub id, or files that a visitor chose or dropped. */
export type WorkerSource = string | URL | readonly File[];

export interface WorkerProgress {
  readonly file: string;
  /** Bytes that have come, those of an earlier visit included. */
  readonly loaded: number;
  readonly total: number;
}

/** How files come: those of `loadPretrained` in `@densessm/runtime-web` that a message can carry. */
export interface WorkerDownloadOptions {
  revision?: string;
  endpoint?: string;
  token?: string;
  /** Whether what has come is kept for the next visit. Default true. */
  cache?: boolean;
  files?: readonly string[];
  stallTimeoutMs?: number;
  onProgress?: (progress: WorkerProgress) => void;
  /** A sentence for people: no room to keep what came, a kept file was damaged and comes again. */
  onNotice?: (message: string) => void;
  signal?: AbortSignal;
}

export interface WorkerLoadOptions extends WorkerDownloadOptions {
  /** How matrices are kept in memory. Default: as they lie in the files. */
  weights?: WeightType;
}

export interface DeviceOptions {
  /** 'auto' (default), 'webgpu', 'wasm', 'cpu'. */
  device?: string;
  /** Threads of the wasm backend. Default: as many as there are cores, at most 16. */
  threads?: number;
  /** Where the server has tfjs-backend-wasm-simd.wasm, seen from the page: beside it, where this is left out. */
  wasmUrl?: string | URL;
}

export interface WorkerClientOptions extends DeviceOptions {
  /**
   * The worker, or what makes one. Default: the script that comes with this package, beside this module. With a bundler that does not copy such
   * files: `() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })`, where worker.js calls `serveModels()` of `densessm/worker`.
   */
  worker?: Worker | (() => Worker);
}

/** What the worker computes on. */
export interface DeviceFacts {
  /** 'webgpu', 'wasm' or 'cpu'. */
  readonly backend: string;
  /** What was chosen and why, and what was tried. */
  readonly reason: string;
  /** Whether the page is cross-origin isolated, without which wasm has one thread. */
  readonly isIsolated: boolean;
  readonly cores: number;
  /** Whether there is WebGPU here at all. */
  readonly hasWebGpu: boolean;
}

/** One kernel on the device beside its reference. */
export interface KernelReport {
  readonly name: string;
  /** What was compared: outputs and gradients of all samples. */
  readonly comparisons: number;
  /** Of the comparison that came nearest to its bound or went farthest beyond it, relative to the size of the reference. */
  readonly error: number;
  readonly bound: number;
  readonly isRight: boolean;
}

/**
 * A worker that holds models, trains and looks inside, so that the page never blocks. Commands are done in the order in which they come, but a text
 * that is drawn and a training under way let others through between two steps. An error of the worker is thrown here as what it was there.
 */
export interface WorkerClient {
  /** Starts the device; the other calls do so by themselves. A second call only tells. @throws SsmError BACKEND, OPTION */
  start(): Promise<DeviceFacts>;
  /** Loads a model with its tokenizer. @throws SsmError BACKEND, FILE, NETWORK, MODEL, CONFIG, WEIGHTS, OPTION; the reason of the signal */
  load(source: WorkerSource, options?: WorkerLoadOptions): Promise<WorkerModel>;
  /** Fetches a model's files and keeps them, without loading it; what was there is not fetched again, what is damaged is. @throws SsmError NETWORK, FILE; the reason of the signal */
  download(source: string | URL, options?: WorkerDownloadOptions): Promise<KeptModel>;
  /** The models whose files are kept in this browser, with their sizes. */
  keptModels(): Promise<KeptModel[]>;
  /** Removes a kept model. */
  deleteKept(source: string): Promise<void>;
  /** How much of the browser's storage is used and free. */
  storage(): Promise<StorageRoom>;
  /** Begins a run. @throws SsmError OPTION for text that is too short or settings without meaning, BACKEND without memory */
  train(options: TrainOptions): Promise<TrainingRun>;
  /** The runs that checkpoints were kept of, newest first. */
  savedRuns(): Promise<SavedRun[]>;
  /** Goes on with a kept run, after a reload or a crash: paused, at the step of its last checkpoint, bit for bit on the same device. @throws SsmError FILE where it is damaged or gone */
  restoreRun(id: string): Promise<TrainingRun>;
  deleteRun(id: string): Promise<void>;
  /** Compares every kernel on the device with its reference, on small samples, in a second worker; where a single `worker` was given, in that one, and nothing else may run meanwhile. */
  checkKernels(options?: { onReport?: (report: KernelReport) => void; signal?: AbortSignal }): Promise<KernelReport[]>;
  /** Ends the worker and all that it holds. */
  dispose(): void;
}
