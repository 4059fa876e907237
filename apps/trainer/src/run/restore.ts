/** A trainer's state as the files of a checkpoint, and back. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type FileSet, type LoadedModel, openSafetensors, pretrainedFiles, serializeSafetensors, tensorValues } from '@densessm/checkpoint';
import { openPretrained } from '@densessm/runtime-node';
import { leavesOf, SsmError } from '@densessm/ssm-core';
import type { Tokenizer } from '@densessm/tokenizer';
import type { HostTensor, TrainingState } from '@densessm/train';
import type { DataSummary, TrainingData } from '../data/options';
import { usageError } from '../errors';
import { formatCount } from '../output/numbers';
import { type Checkpoint, type CheckpointFile, MANIFEST } from '../run-folder/checkpoint';
import { readTextIfThere, realFiles } from '../run-folder/files';
import { trainingNotesOf } from '../run-folder/json-schema';
import type { RunInfo } from '../run-folder/run-info';
import type { TrainingNotes } from '../run-folder/training-notes';

/** Optimizer and carried states; the weights lie in model.safetensors as those of any model do. */
const TENSORS_FILE = 'trainer.safetensors';
const WEIGHTS_FILE = 'model.safetensors';
const TOKENIZER_FILE = 'tokenizer.json';

/** Model and tokenizer, as whoever loads a model expects them. */
export function modelFiles(loaded: LoadedModel, tokenizer: Tokenizer): CheckpointFile[] {
  const text = `${JSON.stringify(tokenizer, null, 2)}\n`;
  const files = pretrainedFiles(loaded, { maxShardBytes: Number.MAX_SAFE_INTEGER });
  return [...files, { name: TOKENIZER_FILE, pieces: [new TextEncoder().encode(text)] }];
}

/** The same and everything else that a continuation needs; counters go into the manifest. */
export function trainingFiles(loaded: LoadedModel, tokenizer: Tokenizer, { tensors }: TrainingState): CheckpointFile[] {
  return [...modelFiles(loaded, tokenizer), { name: TENSORS_FILE, pieces: [serializeSafetensors(tensors)] }];
}

/**
 * Reads a checkpoint back, after comparing all of its files with their hashes.
 * @throws SsmError FILE where it is damaged or no training checkpoint
 */
export async function readTrainingState(checkpoint: Checkpoint, model: Pick<LoadedModel, 'model' | 'config'>): Promise<TrainingState> {
  await checkpoint.verify();
  const files = await openPretrained(checkpoint.folder);
  const { counters } = notesOf(checkpoint);
  const learned = new Set([...leavesOf(model.model.spec(model.config))].flatMap((leaf) => (leaf.kind === 'param' ? [leaf.name] : [])));
  return {
    params: await readHostTensors(files, WEIGHTS_FILE, (name) => learned.has(name)),
    tensors: await readHostTensors(files, TENSORS_FILE),
    counters,
  };
}

/**
 * A run goes on with the text that it began with: with another vocabulary its weights would mean other tokens.
 * @throws SsmError OPTION where the data or the tokenizer is another
 */
export async function requireSameText({ folder }: Checkpoint, { data }: Partial<RunInfo>, now: TrainingData): Promise<void> {
  const kept = await readTextIfThere(realFiles, join(folder, TOKENIZER_FILE));
  const isSame = kept === undefined || isDeepStrictEqual(JSON.parse(kept), JSON.parse(JSON.stringify(now.tokenizer)));
  const [before, after] = [data ?? now.summary, now.summary].map(lengthsOf);
  if (isSame && before === after) return;
  const [was, is] = isSame ? [before, after] : [`${before}, in the vocabulary of the checkpoint`, `${after}, in another vocabulary`];
  throw usageError(
    'The data is no longer what the run began with.',
    was as string,
    is as string,
    `put it back, or begin a new run with the weights: --init-from ${folder}`,
  );
}

const lengthsOf = ({ trainTokens, validationTokens }: DataSummary): string =>
  `${formatCount(trainTokens)} tokens to train on, ${formatCount(validationTokens)} held out`;

/** @throws SsmError FILE where the checkpoint was not made by a training run */
export const notesOf = ({ about, folder }: Checkpoint): TrainingNotes => trainingNotesOf(join(folder, MANIFEST), about);

async function readHostTensors(files: FileSet, name: string, wanted = (_: string): boolean => true): Promise<Map<string, HostTensor>> {
  const file = await files.open(name);
  if (file === undefined)
    throw new SsmError({
      code: 'FILE',
      what: `${files.where}/${name} is missing.`,
      expected: 'a file',
      got: 'nothing',
      fix: 'begin a new run with --init-from FOLDER',
    });
  try {
    const reader = await openSafetensors(file, `${files.where}/${name}`);
    const tensors = new Map<string, HostTensor>();
    for (const [key, { shape }] of reader.tensors) {
      if (!wanted(key)) continue;
      const values = tensorValues(key, await reader.read(key)) as Float32Array | Int32Array;
      tensors.set(key, { shape, values });
    }
    return tensors;
  } finally {
    await file.close();
  }
}
