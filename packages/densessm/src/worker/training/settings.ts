import { SsmError } from '@densessm/ssm-core';
import type { TrainingFacts, TrainingFamily, TrainingText, TrainOptions, Twin } from '../../web/worker-training';

export type TrainSettings = TrainingFacts['options'];

const DEFAULTS = {
  family: 'mamba',
  twins: ['dense', 'plain'],
  hiddenSize: 96,
  numHiddenLayers: 4,
  denseLayers: 2,
  tokenizer: 'char',
  vocabSize: 512,
  batchSize: 12,
  blockSize: 128,
  learningRate: 3e-3,
  maxSteps: 500,
  evalInterval: 50,
  evalBatches: 8,
  sampleInterval: 50,
  sampleTokens: 120,
  samplePrompt: '',
  saveIntervalMs: 15_000,
  seed: 1337,
  start: true,
} as const satisfies Partial<TrainSettings>;

const FAMILIES: readonly TrainingFamily[] = ['mamba', 'mamba2', 'retnet'];
const TWINS: readonly Twin[] = ['dense', 'plain'];
/** Whole numbers with the least of each; some may be 0. */
const LEAST = {
  ...{ hiddenSize: 2, numHiddenLayers: 1, stateSize: 1, denseLayers: 1, vocabSize: 257, batchSize: 1, blockSize: 1, maxSteps: 1 },
  ...{ evalInterval: 0, evalBatches: 1, sampleInterval: 0, sampleTokens: 1, saveIntervalMs: 0, seed: 0 },
} as const satisfies Partial<Record<keyof TrainOptions, number>>;

/**
 * The options with every default filled in.
 * @throws SsmError OPTION
 */
export function completeSettings({ text, ...options }: TrainOptions): TrainSettings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Omit<TrainOptions, 'text'>;
  const settings = { ...DEFAULTS, ...given, name: given.name ?? '' };
  for (const [name, least] of Object.entries(LEAST)) {
    const value: unknown = settings[name as keyof typeof settings];
    if (value === undefined && name === 'stateSize') continue;
    if (!Number.isSafeInteger(value) || (value as number) < least) throw bad(name, `a whole number from ${least}`, value);
  }
  if (!(settings.learningRate > 0 && Number.isFinite(settings.learningRate)))
    throw bad('learningRate', 'a number above 0', settings.learningRate);
  if (!FAMILIES.includes(settings.family)) throw bad('family', FAMILIES.join(', '), settings.family);
  if (!['char', 'byte', 'bpe'].includes(settings.tokenizer)) throw bad('tokenizer', 'char, byte, bpe', settings.tokenizer);
  const twins = TWINS.filter((twin) => settings.twins.includes(twin));
  if (twins.length === 0 || twins.length !== settings.twins.length) throw bad('twins', TWINS.join(', '), JSON.stringify(settings.twins));
  const where = text?.kind === 'stories' ? 'stories' : nameOf(text);
  return { ...settings, twins, name: settings.name || `${where} ${settings.family}` };
}

/** What a pasted text or a file is called. @throws SsmError OPTION for what is neither */
export function nameOf(text: TrainingText): string {
  if (text?.kind === 'text') return text.name ?? 'my text';
  if (text?.kind === 'file') return text.file.name;
  if (text?.kind === 'stories') return 'stories';
  throw bad('text', "{ kind: 'stories' }, { kind: 'text', text } or { kind: 'file', file }", JSON.stringify(text));
}

const bad = (name: string, expected: string, got: unknown): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `train: \`${name}\` has no meaning.`,
    expected,
    got: String(got),
    fix: `correct ${name}, or leave it out`,
  });
