import { type TrainingProgress, trainByteLevelBpe } from '@densessm/tokenizer';
import { readTexts } from '../input/read-text';
import { Interrupted, type Io } from '../io';
import { openProgress } from '../output/progress';
import { pathFrom, refuseOverwrite, writeFileWhole } from '../output/write-file';

export interface TrainTokenizerFlags {
  train?: string[];
  output?: string;
  vocabSize?: number;
  minFrequency?: number;
  specialTokens?: string[];
  normalize?: boolean;
  field?: string;
  overwrite?: boolean;
}

export interface TrainedTokenizer {
  output: string;
  vocabSize: number;
  characters: number;
}

/**
 * Trains a byte-level BPE on files, one after the other, and writes its tokenizer.json.
 * @throws SsmError FILE for texts that cannot be read, OPTION where the output exists; Interrupted
 */
export async function trainTokenizer(io: Io, flags: TrainTokenizerFlags): Promise<TrainedTokenizer> {
  const { train = [], output = 'tokenizer.json', vocabSize = 4096, minFrequency, specialTokens, normalize, field } = flags;
  const path = pathFrom(io.cwd, output);
  await refuseOverwrite(path, flags.overwrite);
  let characters = 0;
  async function* texts(): AsyncGenerator<string> {
    for (const file of train)
      for (const text of await readTexts(io, file, field)) {
        characters += text.length;
        yield text;
      }
  }
  const { signal } = io;
  const bars = progressOf(io);
  try {
    const given = { minFrequency, specialTokens, normalize };
    const some = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const tokenizer = await trainByteLevelBpe(texts(), { vocabSize, ...some, signal, onProgress: bars.update });
    bars.end();
    await writeFileWhole(path, `${JSON.stringify(tokenizer)}\n`);
    return { output, vocabSize: tokenizer.vocabSize, characters };
  } catch (error) {
    bars.end();
    if (signal.aborted) throw new Interrupted('stopped; nothing was written.');
    throw error;
  }
}

/** A bar for reading, then one for merging. */
function progressOf(io: Io): { update: (progress: TrainingProgress) => void; end: () => void } {
  const bars = {
    reading: openProgress(io, { label: 'reading', unit: 'characters' }),
    merging: openProgress(io, { label: 'merging', unit: 'tokens' }),
  };
  let current: TrainingProgress['stage'] | undefined;
  return {
    update: ({ stage, done, total }) => {
      if (current !== undefined && current !== stage) bars[current].end();
      current = stage;
      bars[stage].update(done, total ?? undefined);
    },
    end: () => current !== undefined && bars[current].end(),
  };
}
