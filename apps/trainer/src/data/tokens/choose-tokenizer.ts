import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import {
  byteTokenizer,
  characterTokenizer,
  loadTokenizer,
  type Tokenizer,
  tokenizerFromJson,
  trainByteLevelBpe,
} from '@densessm/tokenizer';
import { writeFileWhole } from '../../output/write-file';
import { unreadable } from '../errors';
import type { DataFile } from '../finding/data-file';
import { noCounts, readPieces } from '../reading/read';
import { fingerprintOf, type Settings } from '../settings';
import { cutBetweenWords } from './cut-words';
import { isHalf } from './encoder';

/** `given`: from a file. */
export type TokenizerKind = 'char' | 'byte' | 'bpe' | 'given';

export interface ChosenTokenizer {
  readonly tokenizer: Tokenizer;
  readonly kind: TokenizerKind;
}

const BORDER = '<|endoftext|>';
/** Characters that a byte pair encoding is trained on at most, drawn evenly from the data. */
const BPE_CHARACTERS = 2 ** 26;

export const kindOf = (name: string): TokenizerKind => (name === 'char' || name === 'byte' || name === 'bpe' ? name : 'given');

/**
 * The tokenizer asked for, for the training and the held-out part; one that is made from them is kept in the cache.
 * @throws SsmError FILE where a given one is not there, OPTION, and what TokenizerError says
 */
export async function chooseTokenizer(parts: readonly (readonly DataFile[])[], settings: Settings): Promise<ChosenTokenizer> {
  const kind = kindOf(settings.tokenizer);
  if (kind === 'byte') return { kind, tokenizer: byteTokenizer({ specialTokens: [BORDER] }) };
  if (kind === 'given') return { kind, tokenizer: await givenTokenizer(settings) };
  const asked = kind === 'bpe' ? `bpe ${settings.vocabSize}` : kind;
  const files = parts.flat();
  const mark = fingerprintOf(['tokenizer 1', asked, settings.field, settings.skipBadLines], files);
  const path = join(settings.cacheDir, `tokenizer-${mark.slice(0, 24)}.json`);
  const kept = await readFile(path, 'utf8')
    .then(tokenizerFromJson)
    .catch(() => undefined);
  if (kept) return { kind, tokenizer: kept };
  const tokenizer = await (kind === 'char' ? charactersOf(parts, settings) : trainBpe(files, settings));
  await writeFileWhole(path, JSON.stringify(tokenizer));
  return { kind, tokenizer };
}

/** A tokenizer.json or .model, or a folder with one. */
async function givenTokenizer({ tokenizer: name, cwd }: Settings): Promise<Tokenizer> {
  const path = resolve(cwd, name);
  const found = await stat(path).catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw unreadable(name, cause);
    const what = `the tokenizer ${name} does not exist.`;
    const expected = 'char, byte, bpe, a tokenizer.json, a SentencePiece .model, or a folder with one of them';
    throw new SsmError({ code: 'FILE', what, expected, got: 'nothing there', fix: 'check the path' }, { cause });
  });
  const folder = found.isDirectory() ? path : dirname(path);
  const standsFor = found.isDirectory() ? undefined : path.endsWith('.model') ? 'tokenizer.model' : 'tokenizer.json';
  const hasCompanions = standsFor === undefined || basename(path) === standsFor;
  return loadTokenizer(async (file) => {
    if (file === standsFor) return readFile(path);
    const isOther = standsFor !== undefined && (file === 'tokenizer.json' || file === 'tokenizer.model');
    if (isOther || !hasCompanions) return null;
    return readFile(join(folder, file)).catch(() => null);
  });
}

/** An id for each character of the data, in the order of Unicode, as in nanoGPT; and one for the border where a part has several documents. */
async function charactersOf(parts: readonly (readonly DataFile[])[], settings: Settings): Promise<Tokenizer> {
  const seen = new Uint8Array(0x110000);
  let hasBorders = false;
  for (const files of parts) {
    const counts = noCounts();
    for await (const { text } of readPieces(files, counts, settings.reading('characters', files)))
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        seen[isHalf(unit) ? (text.codePointAt(i++) as number) : unit] = 1;
      }
    settings.requireText(files, counts);
    hasBorders ||= counts.documents > 1;
  }
  const characters: string[] = [];
  for (let point = 0; point < seen.length; point++) if (seen[point]) characters.push(String.fromCodePoint(point));
  return characterTokenizer(characters, { unkToken: null, specialTokens: hasBorders ? [BORDER] : [] });
}

async function trainBpe(files: readonly DataFile[], settings: Settings): Promise<Tokenizer> {
  const { signal, vocabSize, onProgress } = settings;
  const counts = noCounts();
  const share = Math.min(1, BPE_CHARACTERS / files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 1));
  async function* sample(): AsyncGenerator<string> {
    let owed = 1; // the first piece is always in
    for await (const { text } of cutBetweenWords(readPieces(files, counts, settings.reading('words', files)))) {
      owed += share;
      if (owed < 1) continue;
      owed -= 1;
      yield text;
    }
    settings.requireText(files, counts);
  }
  return trainByteLevelBpe(sample(), {
    vocabSize,
    specialTokens: [BORDER],
    signal,
    onProgress: ({ stage, done, total }) => stage === 'merging' && onProgress({ stage: 'tokenizer', done, total: total ?? undefined }),
  });
}
