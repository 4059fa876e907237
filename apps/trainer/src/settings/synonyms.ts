/** What other programs call a flag or setting: nanoGPT, transformers, mamba_ssm, llama.cpp. Of several names the first that a command has is meant. */
import { nearest } from './nearest';

const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  lr: ['learning-rate'],
  'max-learning-rate': ['learning-rate'],
  'min-learning-rate': ['min-lr'],
  scheduler: ['lr-scheduler'],
  'lr-schedule': ['lr-scheduler'],
  'lr-scheduler-type': ['lr-scheduler'],
  warmup: ['warmup-steps'],
  'warmup-iters': ['warmup-steps'],
  wd: ['weight-decay'],
  clip: ['grad-clip'],
  'max-grad-norm': ['grad-clip'],
  'adam-beta1': ['beta1'],
  'adam-beta2': ['beta2'],
  optim: ['optimizer'],
  epochs: ['max-steps'],
  epoch: ['max-steps'],
  'num-epochs': ['max-steps'],
  'num-train-epochs': ['max-steps'],
  iters: ['max-steps'],
  'max-iters': ['max-steps'],
  steps: ['max-steps'],
  'num-steps': ['max-steps'],
  'n-layer': ['num-hidden-layers'],
  'n-layers': ['num-hidden-layers'],
  'num-layers': ['num-hidden-layers'],
  layers: ['num-hidden-layers'],
  depth: ['num-hidden-layers'],
  'n-embd': ['hidden-size'],
  'd-model': ['hidden-size'],
  'embed-dim': ['hidden-size'],
  dim: ['hidden-size'],
  width: ['hidden-size'],
  'n-head': ['num-attention-heads'],
  'n-heads': ['num-attention-heads'],
  'num-heads': ['num-attention-heads'],
  heads: ['num-attention-heads'],
  'd-state': ['state-size'],
  bs: ['batch-size'],
  batch: ['batch-size'],
  'per-device-train-batch-size': ['batch-size'],
  'seq-len': ['block-size', 'window'],
  'sequence-length': ['block-size', 'window'],
  'context-length': ['block-size', 'window'],
  ctx: ['block-size', 'window'],
  'max-length': ['block-size', 'max-tokens', 'window'],
  'grad-accum': ['gradient-accumulation-steps'],
  'accumulation-steps': ['gradient-accumulation-steps'],
  'gradient-checkpointing': ['recompute'],
  'output-dir': ['out-dir', 'output'],
  out: ['out-dir', 'output'],
  'out-file': ['output'],
  dataset: ['data', 'train'],
  'train-data': ['data', 'train'],
  'eval-data': ['val-data'],
  'validation-data': ['val-data'],
  'text-column': ['field'],
  'text-field': ['field'],
  'save-steps': ['save-interval'],
  'eval-steps': ['eval-interval'],
  'logging-steps': ['log-interval'],
  resume: ['init-from'],
  'resume-from-checkpoint': ['init-from'],
  force: ['overwrite'],
  'max-new-tokens': ['max-tokens'],
  'n-predict': ['max-tokens'],
  'num-tokens': ['max-tokens'],
  length: ['max-tokens'],
  temp: ['temperature'],
  'repeat-penalty': ['repetition-penalty'],
  'no-repeat-ngram-size': ['no-repeat-ngram'],
  beams: ['num-beams'],
  'stop-strings': ['stop'],
  quantize: ['weights', 'dtype'],
  dtype: ['weights'],
  precision: ['weights', 'dtype'],
  'local-files-only': ['offline'],
  tasks: ['perplexity'],
};

/** The name that was probably meant, in kebab-case: what other programs call it, else the nearest in spelling. */
export function meantName(word: string, names: readonly string[]): string | undefined {
  const plain = word.replaceAll('_', '-').toLowerCase();
  if (names.includes(plain)) return plain;
  const [synonym] = (SYNONYMS[plain] ?? []).filter((one) => names.includes(one));
  return synonym ?? nearest(plain, names);
}

/** What else to say of a name that means another thing than the one that it is mapped to. */
export const aboutMeant = (word: string, meant: string): string =>
  /epoch/.test(word) && meant === 'max-steps'
    ? ' Runs are counted in steps; --every-token-once goes through the data in epochs.'
    : /^resume/.test(word) && meant === 'init-from'
      ? ' A run continues with --init-from resume.'
      : '';
