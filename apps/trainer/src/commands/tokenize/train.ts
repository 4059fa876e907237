import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import { type TrainingProgress, trainByteLevelBpe } from '@densessm/tokenizer';
import { findData } from '../../data/finding/find';
import { noCounts, readPieces } from '../../data/reading/read';
import { Interrupted, type Io } from '../../io';
import { openProgress } from '../../output/progress';
import { pathFrom, refuseOverwrite, writeFileWhole } from '../../output/write-file';

export interface TrainTokenizerFlags {
  train?: string[];
  output?: string;
  vocabSize?: number;
  minFrequency?: number;
  specialTokens?: string[];
  normalize?: boolean;
  field?: string;
  skipBadLines?: boolean;
  overwrite?: boolean;
}

export interface TrainedTokenizer {
  output: string;
  vocabSize: number;
  characters: number;
  skippedLines: number;
}

/**
 * Trains a byte-level BPE on data as `densessm train` takes it, which is read as a stream, and writes its tokenizer.json.
 * @throws SsmError FILE for data that cannot be used, OPTION where the output exists; Interrupted
 */
export async function trainTokenizer(io: Io, flags: TrainTokenizerFlags): Promise<TrainedTokenizer> {
  const { train = [], output = 'tokenizer.json', vocabSize = 4096, minFrequency, specialTokens, normalize } = flags;
  const path = pathFrom(io.cwd, output);
  await refuseOverwrite(path, flags.overwrite);
  const { signal } = io;
  const counts = noCounts();
  const bars = progressOf(io);
  const folder = await mkdtemp(join(tmpdir(), 'densessm-tokenize-')); // for what has no file yet
  try {
    const texts = await textsOf(io, train, folder, flags, counts, bars.read);
    const some = Object.fromEntries(Object.entries({ minFrequency, specialTokens, normalize }).filter(([, value]) => value !== undefined));
    const tokenizer = await trainByteLevelBpe(texts, { vocabSize, ...some, signal, onProgress: bars.merge });
    bars.end();
    await writeFileWhole(path, `${JSON.stringify(tokenizer)}\n`);
    return { output, vocabSize: tokenizer.vocabSize, characters: counts.characters, skippedLines: counts.skippedLines };
  } catch (error) {
    bars.end();
    if (signal.aborted) throw new Interrupted('stopped; nothing was written.');
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Counts = ReturnType<typeof noCounts>;

/** The texts of files, folders, URLs and data sets, piece by piece. */
async function textsOf(
  io: Io,
  sources: readonly string[],
  cacheDir: string,
  { field = 'text', skipBadLines = false }: TrainTokenizerFlags,
  counts: Counts,
  onRead: (bytes: number, total: number) => void,
): Promise<AsyncIterable<string>> {
  const { cwd, signal, stdin } = io;
  const input = stdin as AsyncIterable<Uint8Array | string>;
  const around = { cacheDir, cwd, signal, stdin: input, hub: {}, onProgress: () => undefined };
  const files = await findData(sources, around, 'train');
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  async function* texts(): AsyncGenerator<string> {
    const options = { field, skipBadLines, signal, onProgress: () => onRead(counts.bytes, total) };
    for await (const { text } of readPieces(files, counts, options)) yield text;
    if (counts.characters === 0) throw noText(sources);
  }
  return texts();
}

const noText = (sources: readonly string[]): SsmError =>
  new SsmError({
    code: 'FILE',
    what: 'there is no text to train a tokenizer on.',
    expected: 'text',
    got: `nothing in ${sources.join(', ')}`,
    fix: 'name other files',
  });

/** A bar for reading, then one for merging. */
function progressOf(io: Io): {
  read: (bytes: number, total: number) => void;
  merge: (progress: TrainingProgress) => void;
  end: () => void;
} {
  const reading = openProgress(io, { label: 'reading', unit: 'bytes' });
  const merging = openProgress(io, { label: 'merging', unit: 'tokens' });
  let hasRead = false;
  return {
    read: (bytes, total) => reading.update(bytes, total),
    merge: ({ stage, done, total }) => {
      if (stage !== 'merging') return;
      if (!hasRead) reading.end();
      hasRead = true;
      merging.update(done, total ?? undefined);
    },
    end: () => (hasRead ? merging : reading).end(),
  };
}
