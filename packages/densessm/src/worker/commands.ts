/** The commands that pass between `densessm/web` and `densessm/worker`: plain data, so that a message carries it. */
import type { Prompt, SessionOptions } from '@densessm/generate';
import type { KeptModel, StorageRoom } from '@densessm/runtime-web';
import type { SentError } from '@densessm/runtime-web/messages';
import type { ChatMessage } from '@densessm/tokenizer';
import type { ChatCallOptions, ChatReply, TextOptions } from '../language-model';
import type { LoggedEvent } from '../training-log';
import type {
  DeviceFacts,
  DeviceOptions,
  KernelReport,
  WorkerDownloadOptions,
  WorkerLoadOptions,
  WorkerProgress,
} from '../web/worker-client';
import type { InspectOptions, ModelFacts, TextTrace, TimedPart, TimedText } from '../web/worker-model';
import type { ModelFile, SavedRun, TrainingEvent, TrainingFacts, TrainingState, TrainOptions, Twin } from '../web/worker-training';

type Plain<T> = Omit<T, 'signal' | 'onProgress' | 'onNotice'>;

/** A device, seen from the worker. */
export interface DeviceArgs extends Pick<DeviceOptions, 'device' | 'threads'> {
  readonly wasmUrl: string;
}

/** A file of a visitor: a message drops its path, and in Node its name. */
export interface SentFile {
  readonly path: string;
  readonly content: Blob;
}

/** Where a model lies: what is relative is so to the page, whose address is `base`. */
export interface SourceArgs<Options> {
  readonly source: string | readonly SentFile[];
  readonly base: string;
  readonly options: Plain<Options>;
}

export type DownloadEvent = { readonly progress: WorkerProgress } | { readonly notice: string };

/** A model or session of the worker by its number. */
export interface OpenedModel {
  readonly model: number;
  readonly facts: ModelFacts;
}
export interface OpenedSession {
  readonly session: number;
  readonly tokenCount: number;
  readonly stateBytes: number;
}
export interface SessionPart {
  readonly part: TimedPart;
  readonly tokenCount: number;
}

export interface OpenedRun {
  readonly facts: TrainingFacts;
  readonly state: TrainingState;
  readonly step: number;
  readonly events: readonly LoggedEvent[];
}

/** As {@link TrainingEvent}, its error as plain data. */
export type SentTrainingEvent =
  | Exclude<TrainingEvent, { type: 'state' }>
  | { readonly type: 'state'; readonly state: TrainingState; readonly error?: SentError };

/** One command. */
interface Does<Args, Result = void, Event = never> {
  readonly args: Args;
  readonly result: Result;
  readonly event: Event;
}
type OnModel<Args> = Args & { readonly model: number };
type OnSession<Args> = Args & { readonly session: number };
type OnRun<Args> = Args & { readonly run: string };
type TextArgs = { readonly prompt: Prompt; readonly options: Plain<TextOptions> };
type ChatArgs = { readonly messages: readonly ChatMessage[]; readonly options: Plain<ChatCallOptions> };

export type EngineCommands = {
  start: Does<DeviceArgs, DeviceFacts>;
  checkKernels: Does<null, KernelReport[], KernelReport>;

  load: Does<SourceArgs<WorkerLoadOptions>, OpenedModel, DownloadEvent>;
  download: Does<SourceArgs<WorkerDownloadOptions>, KeptModel, DownloadEvent>;
  keptModels: Does<null, KeptModel[]>;
  deleteKept: Does<{ readonly source: string }>;
  storage: Does<null, StorageRoom>;

  generate: Does<OnModel<TextArgs>, TimedText>;
  generateBatch: Does<OnModel<Omit<TextArgs, 'prompt'> & { readonly prompts: readonly Prompt[] }>, TimedText[]>;
  stream: Does<OnModel<TextArgs>, void, TimedPart>;
  chat: Does<OnModel<ChatArgs>, ChatReply>;
  streamChat: Does<OnModel<ChatArgs>, void, string>;
  encode: Does<OnModel<{ readonly text: string; readonly options: { addSpecialTokens?: boolean } }>, number[]>;
  decode: Does<OnModel<{ readonly ids: readonly number[]; readonly options: { skipSpecialTokens?: boolean } }>, string>;
  inspect: Does<OnModel<{ readonly prompt: Prompt; readonly options: Plain<InspectOptions> }>, TextTrace>;
  disposeModel: Does<{ readonly model: number }>;

  session: Does<OnModel<{ readonly options: SessionOptions }>, OpenedSession>;
  restoreSession: Does<OnModel<{ readonly snapshot: Uint8Array }>, OpenedSession>;
  append: Does<OnSession<{ readonly prompt: Prompt }>, { readonly tokenCount: number }>;
  sessionGenerate: Does<OnSession<Omit<TextArgs, 'prompt'>>, { readonly text: TimedText; readonly tokenCount: number }>;
  sessionStream: Does<OnSession<Omit<TextArgs, 'prompt'>>, void, SessionPart>;
  fork: Does<OnSession<object>, OpenedSession>;
  mark: Does<OnSession<object>, { readonly mark: number; readonly tokenCount: number }>;
  rewind: Does<OnSession<{ readonly mark: number }>, { readonly tokenCount: number }>;
  disposeMark: Does<OnSession<{ readonly mark: number }>>;
  snapshot: Does<OnSession<object>, Uint8Array>;
  disposeSession: Does<OnSession<object>>;

  train: Does<{ readonly options: TrainOptions }, OpenedRun>;
  savedRuns: Does<null, SavedRun[]>;
  restoreRun: Does<{ readonly run: string }, OpenedRun>;
  deleteRun: Does<{ readonly run: string }>;
  watchRun: Does<OnRun<object>, void, SentTrainingEvent>;
  pause: Does<OnRun<object>>;
  resume: Does<OnRun<object>>;
  step: Does<OnRun<object>>;
  stop: Does<OnRun<object>>;
  sample: Does<
    OnRun<{ readonly twin: Twin; readonly prompt: string; readonly options: { maxTokens?: number; temperature?: number; seed?: number } }>,
    string
  >;
  save: Does<OnRun<object>, number>;
  downloadRun: Does<OnRun<{ readonly twin: Twin }>, ModelFile[]>;
  zipRun: Does<OnRun<{ readonly twin: Twin }>, Uint8Array<ArrayBuffer>>;
  openTwin: Does<OnRun<{ readonly twin: Twin }>, OpenedModel>;
  disposeRun: Does<OnRun<object>>;
};
