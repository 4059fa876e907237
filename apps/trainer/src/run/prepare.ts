/** What a run needs before its first step: backend, data, model, trainer. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LoadedModel } from '@densessm/checkpoint';
import { hasHalfProducts } from '@densessm/kernels/internal';
import { type Choice, startBackend } from '@densessm/runtime-node';
import type { Tokenizer } from '@densessm/tokenizer';
import {
  adamW,
  type BatchSampler,
  consecutiveBlocks,
  muon,
  type Optimizer,
  packedDocuments,
  randomBlocks,
  type Schedule,
  scheduleByName,
  sgd,
  type TokenSource,
} from '@densessm/train';
import { openTrainingData } from '../data/open';
import type { DataProgress, TrainingData } from '../data/options';
import { isHouseError, usageError } from '../errors';
import type { Io } from '../io';
import { modelNamed } from '../model/families';
import { openTokenizer } from '../model/open-model';
import { openModelFiles } from '../model/source';
import { freshModel, trainedModel } from '../model/start';
import { formatBytes, formatCount } from '../output/numbers';
import { writeFileWhole } from '../output/write-file';
import { minimumRate, warmupSteps } from '../settings/resolve';
import { type Settings, wasGiven } from '../settings/table';
import type { RunView } from '../view/run-view';
import { requireRoomForWeights } from './estimate';

export interface Prepared {
  readonly backend: Choice;
  readonly data: TrainingData;
  readonly loaded: LoadedModel;
}

/**
 * Starts the backend, opens the data and makes or loads the model.
 * @throws SsmError for anything of these that cannot be
 */
export async function prepareRun(settings: Settings, io: Io, view: RunView): Promise<Prepared> {
  modelNamed(settings.model, io, settings.plugin);
  const backend = await startBackend({ device: settings.device, threads: settings.threads });
  view.say(`device   ${backend.reason}`);
  requirePrecision(settings, backend);
  const { initFrom } = settings;
  const source = initFrom === 'scratch' || initFrom === 'resume' ? undefined : (await openModelFiles(io, initFrom)).files;
  const cacheDir = settings.cacheDir === undefined ? defaultCache(io) : resolve(io.cwd, settings.cacheDir);
  const tokenizer = source && !wasGiven(settings, 'tokenizer') ? await keptTokenizer(io, initFrom, cacheDir) : settings.tokenizer;
  const data = await openData({ ...settings, tokenizer, cacheDir }, io, view);
  try {
    requireSamplePrompt(settings, data.tokenizer);
    const fits = (parameters: number): void => requireRoomForWeights(parameters, backend.backend, settings);
    const loaded = source ? await trainedModel(source, settings, data.tokenizer, io) : await freshModel(settings, data.tokenizer, io, fits);
    return { backend, data, loaded };
  } catch (error) {
    await data.close();
    throw error;
  }
}

/** @throws SsmError OPTION where products cannot take what was asked for */
function requirePrecision({ precision }: Settings, { backend, reason }: Choice): void {
  if (precision === 'f32' || (backend === 'webgpu' && hasHalfProducts())) return;
  const got = backend === 'webgpu' ? `a device without shader-f16: ${reason}` : backend;
  throw usageError(`--precision ${precision} cannot be had here.`, 'a GPU with the feature shader-f16', got, 'leave it out');
}

/** @throws SsmError OPTION where a sample could not begin with what was asked for */
function requireSamplePrompt({ samplePrompt }: Settings, tokenizer: Tokenizer): void {
  if (samplePrompt === undefined) return;
  try {
    if (tokenizer.encode(samplePrompt).length > 0) return;
  } catch (error) {
    if (!isHouseError(error)) throw error;
    const { expected, got } = error;
    throw usageError('--sample-prompt cannot be read with this tokenizer.', expected, got, 'take characters that are in the data');
  }
  throw usageError('--sample-prompt has no tokens.', 'some text', JSON.stringify(samplePrompt), 'leave it out to take the held-out text');
}

function defaultCache({ env }: Pick<Io, 'env'>): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'densessm');
}

/** The tokenizer of a model, as a file of its own: the model may lie on the Hub. */
async function keptTokenizer(io: Io, source: string, cacheDir: string): Promise<string> {
  const text = JSON.stringify(await openTokenizer(io, source));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const path = join(cacheDir, 'tokenizers', Buffer.from(digest).toString('hex').slice(0, 32), 'tokenizer.json');
  await writeFileWhole(path, text);
  return path;
}

async function openData(settings: Settings & { cacheDir: string }, io: Io, view: RunView): Promise<TrainingData> {
  const { data, valData, field, tokenizer, vocabSize, valSplit, skipBadLines, cacheDir, blockSize } = settings;
  const options = { data, valData, field, tokenizer, vocabSize, valFraction: valSplit, skipBadLines, cacheDir, blockSize };
  const services = { onProgress: (progress: DataProgress) => view.prepare(describeProgress(progress)), signal: io.signal, cwd: io.cwd };
  return openTrainingData(options, { ...services, stdin: io.stdin as AsyncIterable<Uint8Array | string> });
}

const STAGES: Readonly<Record<DataProgress['stage'], string>> = {
  finding: 'looking for files',
  downloading: 'downloading',
  characters: 'collecting characters',
  words: 'counting words',
  tokenizer: 'training the tokenizer',
  tokens: 'turning text into tokens',
};

function describeProgress({ stage, file, done, total }: DataProgress): string {
  const count = stage === 'tokenizer' ? formatCount : formatBytes;
  const known = total === undefined ? count(done) : `${count(done)} of ${count(total)}`;
  return [`data     ${STAGES[stage]}`, file, known].filter(Boolean).join('  ');
}

/** The micro-batches of all `ranks`. @throws SsmError OPTION where the text is too short for the blocks */
export function samplerOf(train: TokenSource, settings: Settings, ranks = 1): BatchSampler {
  const { batchSize, blockSize, seed } = settings;
  const gradientAccumulationSteps = settings.gradientAccumulationSteps * ranks;
  if (settings.carryState) return consecutiveBlocks(train, { batchSize, blockSize, gradientAccumulationSteps });
  if (settings.everyTokenOnce) return packedDocuments(train, { batchSize, blockSize, seed, gradientAccumulationSteps });
  return randomBlocks(train, { batchSize, blockSize, seed });
}

/** @throws SsmError OPTION */
export function optimizerOf({ optimizer, beta1, beta2, weightDecay }: Settings): Optimizer {
  if (optimizer === 'sgd') return sgd({ momentum: beta1, weightDecay });
  if (optimizer === 'muon') return muon({ beta1, beta2, weightDecay });
  return adamW({ beta1, beta2, weightDecay });
}

/** @throws SsmError OPTION */
export function scheduleOf(settings: Settings): Schedule {
  const { lrScheduler, learningRate, maxSteps } = settings;
  return scheduleByName(lrScheduler, {
    learningRate,
    maxSteps,
    warmupSteps: warmupSteps(settings),
    minLearningRate: minimumRate(settings),
  });
}
