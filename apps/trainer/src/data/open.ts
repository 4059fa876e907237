import type { TokenSource } from '@densessm/train';
import { dataError } from './errors';
import type { DataFile } from './finding/data-file';
import { findData, STORIES } from './finding/find';
import type { DataSummary, OpenTrainingData, TrainingData } from './options';
import { completeSettings, type Settings } from './settings';
import { type Split, splitEnd } from './split';
import { chooseTokenizer } from './tokens/choose-tokenizer';
import { type Tokenized, tokenize } from './tokens/tokenize';

/**
 * Opens text as tokens to train on. Text is read as a stream, its tokens go to a file in the cache and are read from there,
 * so that neither has to fit into memory.
 * @throws SsmError FILE for data that cannot be used (which file, which line, which byte), OPTION for an option without
 * meaning, NETWORK where a download fails; the reason of the signal
 */
export const openTrainingData: OpenTrainingData = async (options, services = {}) => {
  const settings = completeSettings(options, services);
  // stories are held out by what they are, not by where they stand
  const valData = options.valData ?? (options.data.every((one) => STORIES.test(one)) ? options.data : undefined);
  const files = await findData(options.data, settings, 'train');
  const valFiles = valData && (await findData(valData, settings, 'heldOut'));
  const chosen = await chooseTokenizer(valFiles ? [files, valFiles] : [files], settings);
  const opened: Tokenized[] = [];
  const close = async (): Promise<void> => void (await Promise.all(opened.map(({ source }) => source.close())));
  try {
    const all = await tokenize(files, chosen, settings);
    opened.push(all);
    const heldOut = valFiles && (await tokenize(valFiles, chosen, settings));
    if (heldOut) opened.push(heldOut);
    const split: Split = heldOut
      ? { train: all.source, validation: heldOut.source, words: options.valData ? 'given' : 'stories that are not among the others' }
      : splitEnd(all.source, settings.valFraction);
    requireBlock(split.train, 'training', settings);
    requireBlock(split.validation, 'held-out', settings);
    const summary = summaryOf([...options.data], [...files, ...(valFiles ?? [])], opened, split, settings, chosen.tokenizer.vocabSize);
    return { train: split.train, validation: split.validation, tokenizer: chosen.tokenizer, summary, close } satisfies TrainingData;
  } catch (error) {
    await close();
    throw error;
  }
};

function requireBlock({ length }: TokenSource, which: string, { blockSize }: Settings): void {
  if (length > blockSize) return;
  const expected = `at least ${blockSize + 1} tokens, for blocks of ${blockSize}`;
  const fix = `give more ${which} data, or make the blocks shorter with --block-size`;
  throw dataError(`the ${which} part of the data is shorter than a block.`, expected, `${length} tokens`, fix);
}

function summaryOf(
  sources: readonly string[],
  files: readonly DataFile[],
  opened: readonly Tokenized[],
  split: Split,
  { tokenizer }: Settings,
  vocabSize: number,
): DataSummary {
  const sum = (of: (one: Tokenized) => number): number => opened.reduce((total, one) => total + of(one), 0);
  return {
    sources,
    files: files.length,
    bytes: files.reduce((total, { sizeBytes }) => total + sizeBytes, 0),
    documents: sum(({ source }) => source.header.documents),
    characters: sum(({ source }) => source.header.characters),
    skippedLines: sum(({ source }) => source.header.skippedLines),
    trainTokens: split.train.length,
    validationTokens: split.validation.length,
    split: split.words,
    vocabSize,
    tokenizer,
    fromCache: opened.every(({ fromCache }) => fromCache),
  };
}
