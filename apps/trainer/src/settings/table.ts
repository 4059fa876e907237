import { DEVICES } from './devices';
import { flag, json, type Kind, oneOf, real, text, texts, whole } from './kinds';

export const MODELS = ['mamba', 'dense-mamba', 'mamba2', 'dense-mamba2', 'retnet', 'dense-retnet'] as const;
export type ModelName = (typeof MODELS)[number];

/** Which models there are beside those of the house is known when plugins are loaded, and not while a run's account is read. */
const modelName: Kind<string> = {
  ...oneOf(...MODELS),
  expected: `${MODELS.join(', ')}, or the name of a plugin's model`,
  read: (value) => (typeof value === 'string' && /^[A-Za-z][\w-]*$/.test(value) ? value.replaceAll('_', '-') : undefined),
};

interface Row<T> {
  readonly group: string;
  readonly kind: Kind<T>;
  readonly help: string;
  /** A setting without one may be absent. */
  readonly fallback?: T;
  /** What absence means, where `fallback` cannot say it. */
  readonly absent?: string;
  /** Whether a run that goes on may change it: what the weights, the data and the sequence of batches depend on may not. */
  readonly onResume?: boolean;
}

const row = <T, const Rest extends Omit<Row<T>, 'kind'>>(kind: Kind<T>, rest: Rest): Row<T> & Rest => ({ kind, ...rest });

const [DATA, MODEL, BATCH, OPTIMIZER, RUN, WATCH] = ['Data:', 'Model:', 'Batches:', 'Optimizer:', 'Run:', 'Along the way:'] as const;
const RANKS = 'In several processes (mpirun, srun):';

/**
 * Every setting of a training run: its flag is the name in kebab-case, its key in a config file that or snake_case.
 * Words are nanoGPT's and Hugging Face's.
 */
export const TABLE = {
  data: row(texts('path'), {
    group: DATA,
    help: 'text to train on: .txt, .jsonl, .parquet, .gz, folders of them, - for stdin, an https URL, a Hub dataset, or "stories"',
    fallback: ['stories'],
  }),
  valData: row(texts('path'), { group: DATA, help: 'text to evaluate on', absent: 'the last part of the data' }),
  valSplit: row(real(0, 0.9), { group: DATA, help: 'share of the data that is kept for evaluation', fallback: 0.1 }),
  field: row(text('name'), { group: DATA, help: 'the field of .jsonl and .parquet that holds the text', fallback: 'text' }),
  skipBadLines: row(flag, { group: DATA, help: 'leave out and count lines that cannot be read', fallback: false }),
  tokenizer: row(text('name'), {
    group: DATA,
    help: 'char, byte or bpe (made from the data), or the path of a tokenizer',
    fallback: 'char',
  }),
  vocabSize: row(whole(257, 2 ** 24), { group: DATA, help: 'tokens of a bpe that is trained', fallback: 4096 }),
  cacheDir: row(text('dir'), { group: DATA, help: 'where token files are kept', absent: '~/.cache/densessm', onResume: true }),

  model: row(modelName, { group: MODEL, help: "the kind of model, or a plugin's", fallback: 'dense-mamba' }),
  plugin: row(texts('module'), {
    group: MODEL,
    help: 'a JavaScript module with a model of your own, which is trained unless --model names another',
    onResume: true,
  }),
  hiddenSize: row(whole(1), { group: MODEL, help: 'width of the layers', fallback: 128 }),
  numHiddenLayers: row(whole(1), { group: MODEL, help: 'number of layers', fallback: 4 }),
  numAttentionHeads: row(whole(1), { group: MODEL, help: 'heads of a RetNet or Mamba-2', absent: 'widths of 64 or so' }),
  stateSize: row(whole(1), { group: MODEL, help: 'numbers of state per channel in Mamba', absent: '16; Mamba-2 64' }),
  denseLayers: row(whole(0), { group: MODEL, help: 'layers below that a layer of a dense model reads', fallback: 2 }),
  configJson: row(json, { group: MODEL, help: "any key of the model's config.json, as JSON or a file" }),

  batchSize: row(whole(1), { group: BATCH, help: 'texts in a batch', fallback: 12 }),
  blockSize: row(whole(1), { group: BATCH, help: 'tokens in each', fallback: 128 }),
  gradientAccumulationSteps: row(whole(1), { group: BATCH, help: 'batches that make one step', fallback: 1 }),
  carryState: row(flag, { group: BATCH, help: 'read the data in order and carry the state from block to block', fallback: false }),
  everyTokenOnce: row(flag, { group: BATCH, help: 'go through the data in epochs instead of drawing blocks anywhere', fallback: false }),
  recompute: row(flag, {
    group: BATCH,
    help: 'compute each layer again in the backward pass: slower, much less memory',
    fallback: false,
    onResume: true,
  }),

  optimizer: row(oneOf('adamw', 'sgd', 'muon'), { group: OPTIMIZER, help: 'how gradients become updates', fallback: 'adamw' }),
  learningRate: row(real(0), { group: OPTIMIZER, help: 'the highest learning rate', fallback: 1e-3, onResume: true }),
  minLr: row(real(0), { group: OPTIMIZER, help: 'where the schedule ends', absent: 'a tenth of it; polynomial 0', onResume: true }),
  lrScheduler: row(oneOf('cosine', 'constant', 'linear', 'polynomial', 'wsd'), {
    group: OPTIMIZER,
    help: 'how the learning rate changes',
    fallback: 'cosine',
    onResume: true,
  }),
  warmupSteps: row(whole(0), { group: OPTIMIZER, help: 'steps in which it rises from 0', absent: 'by the ratio', onResume: true }),
  warmupRatio: row(real(0, 1), { group: OPTIMIZER, help: 'the same as a share of all steps', fallback: 0.05, onResume: true }),
  weightDecay: row(real(0), { group: OPTIMIZER, help: 'decay of matrices', fallback: 0.1, onResume: true }),
  beta1: row(real(0, 1), { group: OPTIMIZER, help: 'of AdamW; momentum of SGD and Muon', fallback: 0.9, onResume: true }),
  beta2: row(real(0, 1), { group: OPTIMIZER, help: 'of AdamW', fallback: 0.99, onResume: true }),
  gradClip: row(real(0), { group: OPTIMIZER, help: 'largest norm of the gradient; 0 for any', fallback: 1, onResume: true }),

  maxSteps: row(whole(1), { group: RUN, help: 'steps to train', fallback: 2000, onResume: true }),
  seed: row(whole(0, 2 ** 32 - 1), { group: RUN, help: 'decides start, batches and samples', fallback: 1337 }),
  device: row(oneOf(...DEVICES), { group: RUN, help: 'where it is computed', fallback: 'auto', onResume: true }),
  precision: row(oneOf('f32', 'f16'), {
    group: RUN,
    help: 'what products of a GPU take; weights, sums and all else are f32 either way',
    fallback: 'f32',
    onResume: true,
  }),
  threads: row(whole(1, 64), {
    group: RUN,
    help: 'threads of wasm; the numbers do not depend on it',
    absent: 'the cores, divided by the processes',
    onResume: true,
  }),
  name: row(text('name'), { group: RUN, help: 'name of the run', absent: 'made of data and model', onResume: true }),
  outDir: row(text('dir'), { group: RUN, help: 'folder of the run', absent: 'out/<name>', onResume: true }),
  initFrom: row(text('what'), {
    group: RUN,
    help: 'scratch, resume (the run in the folder goes on), or a model: a folder or Hub id',
    fallback: 'scratch',
    onResume: true,
  }),
  overwrite: row(flag, { group: RUN, help: 'delete the run that lies in the folder', fallback: false, onResume: true }),

  communicationTimeout: row(real(0.1), {
    group: RANKS,
    help: 'seconds without a word from the others after which a process saves and gives up',
    fallback: 600,
    onResume: true,
  }),
  mpiLibrary: row(text('file'), { group: RANKS, help: 'the file of libmpi', absent: 'that of the launcher', onResume: true }),
  outerSteps: row(whole(0), {
    group: RANKS,
    help: 'steps that each process takes alone before all meet (DiLoCo); 0 adds up the gradients of every step',
    fallback: 0,
  }),
  outerLearningRate: row(real(0), { group: RANKS, help: 'of the step in which they meet', fallback: 0.7, onResume: true }),
  outerMomentum: row(real(0, 1), { group: RANKS, help: 'of the same', fallback: 0.9, onResume: true }),

  evalInterval: row(whole(0), { group: WATCH, help: 'steps between evaluations; 0 for at the end only', fallback: 250, onResume: true }),
  evalIters: row(whole(0), {
    group: WATCH,
    help: 'batches of an evaluation; 0 for all of the held-out text',
    fallback: 100,
    onResume: true,
  }),
  saveInterval: row(whole(0), {
    group: WATCH,
    help: 'steps between checkpoints; 0 for at the end only',
    absent: 'a minute or so',
    onResume: true,
  }),
  logInterval: row(whole(1), { group: WATCH, help: 'steps between lines where there is no terminal', fallback: 10, onResume: true }),
  sampleInterval: row(whole(0), { group: WATCH, help: 'steps between samples; 0 for at the end only', fallback: 500, onResume: true }),
  samplePrompt: row(text('text'), {
    group: WATCH,
    help: 'what samples begin with',
    absent: 'the start of the held-out text',
    onResume: true,
  }),
} as const satisfies Record<string, Row<never> | Row<unknown>>;

type Table = typeof TABLE;
export type SettingName = keyof Table;
type ValueOf<N extends SettingName> = Table[N]['kind'] extends Kind<infer T> ? T : never;

type Values = { -readonly [N in SettingName]: Table[N] extends { fallback: unknown } ? ValueOf<N> : ValueOf<N> | undefined };

/** The names that somebody gave; not written to files, and kept where settings are copied. */
export const GIVEN = Symbol('given');

/** The settings of a run, complete: what was not given has its default, or is absent where there is none. */
export type Settings = Values & { readonly [GIVEN]?: ReadonlySet<SettingName> };
/** Some of them: what a file, a preset or the command line says. */
export type SomeSettings = Partial<Values>;

/** Whether flags, config file or preset said it, rather than a default or the run that is continued. */
export const wasGiven = (settings: Settings, name: SettingName): boolean => settings[GIVEN]?.has(name) === true;

export const SETTING_NAMES = Object.keys(TABLE) as SettingName[];
export const rowOf = (name: SettingName): Row<unknown> => TABLE[name] as Row<unknown>;
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
