/** Training in a worker: a dense model and its plain twin, step by step on the same batches. */
import type { GateStatistics } from '@densessm/train';
import type { WorkerModel } from './worker-model';

/** The families that can be trained in a page; each as a plain model and as one with dense connections, which starts as the plain one's equal. */
export type TrainingFamily = 'mamba' | 'mamba2' | 'retnet';
/** Which of the two. */
export type Twin = 'dense' | 'plain';

/** What is trained on: the built-in stories, a text, or a file that a visitor chose (plain text, UTF-8). */
export type TrainingText =
  | { readonly kind: 'stories' /** UTF-16 units to train on. Default 1,000,000. */; readonly characters?: number }
  | { readonly kind: 'text'; readonly text: string /** Names it in the run. */; readonly name?: string }
  | { readonly kind: 'file'; readonly file: File };

/** How to train. Names and defaults are those of `densessm train`. */
export interface TrainOptions {
  text: TrainingText;
  /** Default 'mamba'. */
  family?: TrainingFamily;
  /** Which of the two models; they take turns, step by step. Default both. */
  twins?: readonly Twin[];
  /** Default 96. */
  hiddenSize?: number;
  /** Default 4. */
  numHiddenLayers?: number;
  /** Numbers of state per channel in Mamba. Default 16; Mamba-2 64. */
  stateSize?: number;
  /** Layers below that a layer of the dense model reads. Default 2. */
  denseLayers?: number;
  /** Default 'char'. */
  tokenizer?: 'char' | 'byte' | 'bpe';
  /** Of a bpe. Default 512. */
  vocabSize?: number;
  /** Texts in a batch. Default 12. */
  batchSize?: number;
  /** Tokens in each. Default 128. */
  blockSize?: number;
  /** The highest learning rate; it rises in the first 5 % of the steps and falls along a cosine to a tenth. Default 3e-3. */
  learningRate?: number;
  /** Default 500. */
  maxSteps?: number;
  /** Steps between evaluations on held-out text; 0 for at the end only. Default 50. */
  evalInterval?: number;
  /** Batches of an evaluation. Default 8. */
  evalBatches?: number;
  /** Steps between samples; 0 for at the end only. Default 50. */
  sampleInterval?: number;
  /** Tokens of a sample. Default 120. */
  sampleTokens?: number;
  /** What samples begin with. Default: the start of the held-out text. */
  samplePrompt?: string;
  /** Milliseconds between checkpoints; 0 saves none but on demand. Default 15,000. */
  saveIntervalMs?: number;
  /** Decides start, batches and samples. Default 1337. */
  seed?: number;
  /** Default: made of text and family. */
  name?: string;
  /** Whether it runs at once, or waits for `resume` or `step`. Default true. */
  start?: boolean;
}

/** One model's part of a step. */
export interface TwinStep {
  /** Mean negative log likelihood of the batch in nats, before the update. */
  readonly loss: number;
  /** Exponential moving average of the losses of all steps up to this one, in which the newest weighs 0.12. */
  readonly smoothed: number;
  readonly gradNorm: number;
  /** Wall time. */
  readonly seconds: number;
  /** Whether nothing was updated because loss or norm was not finite. */
  readonly skipped: boolean;
}

/** `running`, `paused`; `finished` after all steps; `stopped` by `stop`; `failed` with an error. */
export type TrainingState = 'running' | 'paused' | 'finished' | 'stopped' | 'failed';

/** What a run tells of. Steps are counted from 0; `step` of the others is the number of steps done. */
export type TrainingEvent =
  | {
      readonly type: 'step';
      readonly step: number;
      readonly learningRate: number;
      readonly twins: Readonly<Partial<Record<Twin, TwinStep>>>;
      /** Of all models together, smoothed; those of a step times models. */
      readonly tokensPerSecond: number;
      /** Until the last step, evaluations and samples included, as it looks now. */
      readonly secondsLeft: number;
    }
  | {
      readonly type: 'evaluation';
      readonly step: number /** On held-out text, nats per token. */;
      readonly losses: Readonly<Partial<Record<Twin, number>>>;
    }
  | { readonly type: 'gates'; readonly step: number /** Of the dense model on held-out text. */; readonly gates: readonly GateStatistics[] }
  | { readonly type: 'sample'; readonly step: number; readonly prompt: string; readonly texts: Readonly<Partial<Record<Twin, string>>> }
  | { readonly type: 'saved'; readonly step: number; readonly bytes: number }
  | { readonly type: 'notice' /** A sentence for people: a checkpoint had no room. */; readonly message: string }
  | { readonly type: 'state'; readonly state: TrainingState /** Of `failed`. */; readonly error?: Error };

/** What is known of a run. */
export interface TrainingFacts {
  readonly id: string;
  readonly name: string;
  readonly family: TrainingFamily;
  readonly twins: readonly Twin[];
  readonly device: string;
  /** Learned values of each model. */
  readonly parameters: Readonly<Partial<Record<Twin, number>>>;
  readonly trainTokens: number;
  readonly heldOutTokens: number;
  readonly vocabSize: number;
  /** What samples begin with. */
  readonly samplePrompt: string;
  readonly maxSteps: number;
  /** The options with every default filled in, but for the text. */
  readonly options: Readonly<Required<Omit<TrainOptions, 'text' | 'stateSize'>>> & Pick<TrainOptions, 'stateSize'>;
  /** One command per model that makes the same run in Node; a pasted text has to be saved as `textFile` before. */
  readonly commands: Readonly<Partial<Record<Twin, string>>>;
  /** What `commands` calls a pasted text or a file; undefined for stories. */
  readonly textFile: string | undefined;
}

/** A run that a checkpoint was kept of. */
export interface SavedRun {
  readonly id: string;
  readonly name: string;
  readonly family: TrainingFamily;
  readonly twins: readonly Twin[];
  /** Steps done. */
  readonly step: number;
  readonly maxSteps: number;
  /** Bytes of the kept files. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly savedAt: number;
}

/** A file of a model in Hugging Face layout. */
export interface ModelFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A run in the worker. It goes on by itself; dispose of it to free its memory. What was saved stays until `WorkerClient.deleteRun`. */
export interface TrainingRun extends TrainingFacts {
  /** As the last event told. */
  readonly state: TrainingState;
  /** Steps done, as the last event told. */
  readonly step: number;
  /**
   * The steps, evaluations, gates and samples so far, those before a reload included. Of a long run as many as of a short one: 600 steps, of which
   * one may stand for neighbors, with the means of their losses, norms and seconds, and 100 of each of the others. `listen` hears all.
   */
  readonly events: readonly TrainingEvent[];
  /** Hears every event from now on; the result ends that. */
  listen(listener: (event: TrainingEvent) => void): () => void;
  /** Stops after the current step, and saves. */
  pause(): Promise<void>;
  /** Goes on after a pause. */
  resume(): Promise<void>;
  /** Does one step of each model, and pauses. */
  stepOnce(): Promise<void>;
  /** Ends the run after the current step, and saves. It cannot go on, but its models can be sampled, opened and downloaded. */
  stop(): Promise<void>;
  /** What a model makes of a prompt now. @throws SsmError TOKENS */
  sample(twin: Twin, prompt: string, options?: { maxTokens?: number; temperature?: number; seed?: number }): Promise<string>;
  /** Keeps a checkpoint now; bytes written. @throws SsmError FILE where there is no room */
  save(): Promise<number>;
  /** A model as it is now, as files that `densessm generate`, `loadModel` and Python's transformers open. */
  download(twin: Twin): Promise<ModelFile[]>;
  /** The same files as one zip. */
  downloadZip(twin: Twin): Promise<Blob>;
  /** A copy of a model as it is now, to talk to and look inside. Dispose of it. */
  openModel(twin: Twin): Promise<WorkerModel>;
  /** Frees the memory of the run. */
  dispose(): Promise<void>;
}
