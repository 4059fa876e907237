import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { TokenFile } from '../cache/token-file';
import { TokenWriter } from '../cache/token-writer';
import { dataError } from '../errors';
import type { DataFile } from '../finding/data-file';
import { noCounts, readPieces } from '../reading/read';
import { fingerprintOf, type Settings } from '../settings';
import type { ChosenTokenizer } from './choose-tokenizer';
import { cutBetweenWords } from './cut-words';
import { encoderOf } from './encoder';

export interface Tokenized {
  readonly source: TokenFile;
  readonly fromCache: boolean;
}

/**
 * The tokens of some files, from the cache if they are there and still true. The name of the file in the cache depends on
 * what was asked for, its fingerprint also on the content: a stale one is replaced.
 * @throws SsmError FILE; the signal's reason
 */
export async function tokenize(files: readonly DataFile[], chosen: ChosenTokenizer, settings: Settings): Promise<Tokenized> {
  const { field, skipBadLines, cacheDir } = settings;
  const tokenizer = sha256(JSON.stringify(chosen.tokenizer));
  const fingerprint = fingerprintOf(['tokens 1', tokenizer, field, skipBadLines], files);
  const name = sha256(JSON.stringify([settings.tokenizer, settings.vocabSize, field, skipBadLines, files.map(({ path }) => path)]));
  const path = join(cacheDir, `tokens-${name.slice(0, 24)}.bin`);
  const kept = await TokenFile.open(path, fingerprint);
  if (kept) return { source: kept, fromCache: true };
  try {
    await write(path, fingerprint, files, chosen, settings);
  } catch (cause) {
    if (!(cause instanceof Error && 'syscall' in cause)) throw cause;
    throw dataError(
      `${cacheDir}: the cache cannot be written.`,
      'a folder with room for the tokens',
      cause.message,
      'make room there, or name another folder',
      cause,
    );
  }
  const source = await TokenFile.open(path, fingerprint);
  if (!source)
    throw dataError(
      `${path} cannot be read back.`,
      'the tokens just written',
      'something else',
      'try again, or name another folder for the cache',
    );
  return { source, fromCache: false };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function write(
  path: string,
  fingerprint: string,
  files: readonly DataFile[],
  chosen: ChosenTokenizer,
  settings: Settings,
): Promise<void> {
  const encoder = encoderOf(chosen.tokenizer, chosen.kind);
  const counts = noCounts();
  const pieces = readPieces(files, counts, settings.reading('tokens', files));
  const { vocabSize } = chosen.tokenizer;
  const writer = await TokenWriter.create(path, vocabSize);
  const [before, after] = [encoder.before, encoder.after].map((id) => (id === null ? [] : [id])) as [number[], number[]];
  try {
    let isOpen = false;
    for await (const { text, isFirst } of encoder.cutsAnywhere ? pieces : cutBetweenWords(pieces)) {
      if (isFirst) {
        if (isOpen) await writer.write(after);
        writer.startDocument();
        await writer.write(before);
        isOpen = true;
      }
      await writer.write(encoder.encode(text));
    }
    await writer.write(after);
    settings.requireText(files, counts);
    const separator = encoder.after === null ? encoder.before : null;
    await writer.finish({ fingerprint, separator, vocabSize, characters: counts.characters, skippedLines: counts.skippedLines });
  } finally {
    await writer.discard();
  }
}
