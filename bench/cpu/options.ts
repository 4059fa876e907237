import { parseArgs } from 'node:util';

export type WeightType = 'f32' | 'bf16' | 'int8' | 'int4';

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;

const FLAGS = {
  only: text(''),
  threads: text('1,2'),
  seconds: text('20'),
  tokens: text('16'),
  prompt: text('512'),
  positions: text('2000'),
  steps: text('4x128x12x64,8x512x4x512'),
  models: text('Mamba,DenseMamba,RetNet,DenseRetNet'),
  hidden: text('768'),
  layers: text(''),
  vocab: text('50280'),
  work: text(''),
  'mamba-c': text(process.env.MAMBA_C ?? ''),
  llama: text(process.env.LLAMA_DIR ?? ''),
};

export type Options = ReturnType<typeof readOptions>;

export function readOptions(args = process.argv.slice(2)) {
  const { values } = parseArgs({ args, options: FLAGS });
  const list = (words: string) => words.split(',').filter((word) => word !== '');
  return {
    /** Sections; all where it is empty. */
    only: list(values.only),
    threads: list(values.threads).map(Number),
    /** That a section takes its rounds, at least. */
    seconds: Number(values.seconds),
    /** Read in one round. */
    tokens: Number(values.tokens),
    prompt: Number(values.prompt),
    positions: Number(values.positions),
    /** Layers × hidden × batch × length of the steps in training. */
    steps: list(values.steps),
    models: list(values.models),
    hidden: Number(values.hidden),
    vocab: Number(values.vocab),
    /** Of every language model, where it is given. */
    layers: values.layers === '' ? undefined : Number(values.layers),
    work: values.work,
    mambaC: values['mamba-c'],
    llama: values.llama,
  };
}
