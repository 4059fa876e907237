import { usageError } from '../errors';
import { nearest } from './nearest';
import type { ModelName, SomeSettings } from './table';

interface Preset {
  /** One line for `--help`. */
  readonly about: string;
  readonly settings: SomeSettings;
}

/**
 * The character-level setting in which nanoGPT reports 1.88 on a CPU, with four layers and at most 0.85 million parameters:
 * https://github.com/karpathy/nanoGPT#quick-start
 */
const tinyShakespeare = (model: ModelName, hiddenSize: number): Preset => ({
  about: `nanoGPT's CPU setting on Shakespeare, letter by letter`,
  settings: {
    name: `tinyshakespeare-${model}`,
    data: ['https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt'],
    tokenizer: 'char',
    valSplit: 0.1,
    model,
    hiddenSize,
    numHiddenLayers: 4,
    batchSize: 12,
    blockSize: 64,
    learningRate: 1e-3,
    minLr: 1e-4,
    lrScheduler: 'cosine',
    warmupRatio: 0.05,
    weightDecay: 0.1,
    beta2: 0.99,
    gradClip: 1,
    maxSteps: 2000,
    evalInterval: 250,
    evalIters: 0,
  },
});

/**
 * The authors' own: config.json of modeling/dense_gau_retnet_350m and the command in the README of
 * https://github.com/WailordHe/DenseSSM; arXiv:2403.00818. Its `--num_train_epochs 1` over 15 billion tokens of the Pile makes the steps.
 */
const denseRetNet350m: Preset = {
  about: "the paper's recipe for 350 million parameters; needs a large machine",
  settings: {
    model: 'dense-retnet',
    hiddenSize: 1536,
    numHiddenLayers: 16,
    numAttentionHeads: 2,
    denseLayers: 1,
    configJson: {
      query_key_dim: 768,
      v_factor: 2,
      initializer_range: 0.02,
      rms_norm_eps: 1e-6,
      tie_word_embeddings: false,
      deepnorm: false,
    },
    tokenizer: 'bpe',
    vocabSize: 32_000,
    batchSize: 2,
    gradientAccumulationSteps: 16,
    blockSize: 2048,
    everyTokenOnce: true,
    learningRate: 6e-4,
    minLr: 1e-7,
    lrScheduler: 'polynomial',
    warmupRatio: 0.015,
    weightDecay: 0.01,
    beta2: 0.98,
    gradClip: 1,
    maxSteps: Math.floor(15e9 / (2 * 16 * 2048)),
    recompute: true,
    seed: 1995,
  },
};

export const PRESETS: Readonly<Record<string, Preset>> = {
  stories: {
    about: 'a small model on the built-in stories, in a few minutes',
    settings: {
      data: ['stories'],
      model: 'dense-mamba',
      hiddenSize: 96,
      numHiddenLayers: 4,
      batchSize: 12,
      blockSize: 128,
      learningRate: 3e-3,
      warmupRatio: 0.05,
      maxSteps: 500,
      evalInterval: 100,
      evalIters: 20,
      sampleInterval: 0,
    },
  },
  'tinyshakespeare-mamba': tinyShakespeare('mamba', 160),
  'tinyshakespeare-dense-mamba': tinyShakespeare('dense-mamba', 160),
  'tinyshakespeare-retnet': tinyShakespeare('retnet', 120),
  'tinyshakespeare-dense-retnet': tinyShakespeare('dense-retnet', 120),
  'dense-retnet-350m': denseRetNet350m,
};

/** @throws SsmError OPTION for a name that is none */
export function presetSettings(name: string): SomeSettings {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (preset !== undefined) return preset.settings;
  const names = Object.keys(PRESETS);
  const meant = nearest(name, names);
  throw usageError('There is no such preset.', names.join(', '), name, meant ? `did you mean ${meant}?` : 'choose one of these');
}
