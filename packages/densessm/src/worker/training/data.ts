/** The text of a run as tokens: the same ones, in the same order, as `densessm train` makes of it. */
import { SsmError } from '@densessm/ssm-core';
import { byteTokenizer, characterTokenizer, type Tokenizer, trainByteLevelBpe } from '@densessm/tokenizer';
import { type TokenSource, tokenSource } from '@densessm/train';
import {
  cutBetweenWords,
  DOCUMENT_BORDER,
  encoderOf,
  HELD_OUT_SHARE,
  plainTextPieces,
  splitEnd,
  storyCorpus,
} from '@densessm/trainer/recipe';
import type { TrainSettings } from './settings';

/** Where the text comes from, as it is kept for a run that goes on. */
export type TextSource = { readonly stories: number } | { readonly text: string };

export interface TrainingData {
  readonly train: TokenSource;
  readonly heldOut: TokenSource;
  readonly tokenizer: Tokenizer;
}

interface Piece {
  readonly text: string;
  readonly isFirst: boolean;
}

/** Of the end of a text, what is held out. */
const VAL_FRACTION = 0.1;

/**
 * Tokens to train on and held out.
 * @param known the tokenizer of a run that goes on
 * @throws SsmError OPTION where the text is too short, TokenizerError where none can be made of it
 */
export async function openData(source: TextSource, settings: TrainSettings, known?: Tokenizer): Promise<TrainingData> {
  const parts = piecesOf(source);
  const tokenizer = known ?? (await tokenizerFor(parts, settings));
  const all: TokenSource[] = [];
  for (const pieces of parts) all.push(await tokensOf(pieces, tokenizer, settings));
  const [first, second] = all as [TokenSource, TokenSource | undefined];
  const { train, validation: heldOut } = second ? { train: first, validation: second } : splitEnd(first, VAL_FRACTION);
  requireBlock(train, 'to train on', settings);
  requireBlock(heldOut, 'held out', settings);
  return { train, heldOut, tokenizer };
}

/** One part of which the end is held out, or two. */
function piecesOf(source: TextSource): (() => AsyncIterable<Piece>)[] {
  if ('text' in source) return [() => plainTextPieces(once(source.text))];
  const part = (which: 'train' | 'heldOut', characters: number) =>
    async function* () {
      for (const text of storyCorpus({ characters, part: which })) yield { text, isFirst: true };
    };
  return [part('train', source.stories), part('heldOut', Math.ceil(source.stories * HELD_OUT_SHARE))];
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

async function tokenizerFor(parts: readonly (() => AsyncIterable<Piece>)[], { tokenizer, vocabSize }: TrainSettings): Promise<Tokenizer> {
  if (tokenizer === 'byte') return byteTokenizer({ specialTokens: [DOCUMENT_BORDER] });
  if (tokenizer === 'char') {
    const characters = new Set<string>();
    let hasBorders = false;
    for (const pieces of parts) {
      let documents = 0;
      for await (const { text, isFirst } of pieces()) {
        if (isFirst) documents++;
        for (const character of text) characters.add(character);
      }
      hasBorders ||= documents > 1;
    }
    if (characters.size === 0) throw tooShort('to train on', 'a text', 'none');
    return characterTokenizer([...characters], { unkToken: null, specialTokens: hasBorders ? [DOCUMENT_BORDER] : [] });
  }
  async function* texts(): AsyncGenerator<string> {
    for (const pieces of parts) for await (const { text } of cutBetweenWords(pieces() as never)) yield text;
  }
  return trainByteLevelBpe(texts(), { vocabSize, specialTokens: [DOCUMENT_BORDER] });
}

async function tokensOf(pieces: () => AsyncIterable<Piece>, tokenizer: Tokenizer, settings: TrainSettings): Promise<TokenSource> {
  const { before, after, cutsAnywhere, encode } = encoderOf(tokenizer, settings.tokenizer);
  const ids = new GrowingIds();
  const documentStarts: number[] = [];
  for await (const { text, isFirst } of cutsAnywhere ? pieces() : cutBetweenWords(pieces() as never)) {
    if (isFirst) {
      if (documentStarts.length > 0 && after !== null) ids.push([after]);
      documentStarts.push(ids.length);
      if (before !== null) ids.push([before]);
    }
    ids.push(encode(text));
  }
  if (after !== null) ids.push([after]);
  return tokenSource(ids.values(), documentStarts, { separator: (after === null ? before : null) ?? undefined });
}

/** Numbers below 2³² that become more. */
class GrowingIds {
  #ids = new Uint32Array(2 ** 16);
  length = 0;

  push(more: ArrayLike<number>): void {
    if (this.length + more.length > this.#ids.length) {
      const larger = new Uint32Array(Math.max(2 * this.#ids.length, this.length + more.length));
      larger.set(this.#ids.subarray(0, this.length));
      this.#ids = larger;
    }
    this.#ids.set(more, this.length);
    this.length += more.length;
  }

  values(): Uint32Array {
    return this.#ids.subarray(0, this.length);
  }
}

function requireBlock({ length }: TokenSource, which: string, { blockSize }: TrainSettings): void {
  if (length > blockSize) return;
  throw tooShort(which, `at least ${blockSize + 1} tokens, for blocks of ${blockSize}`, `${length} tokens`);
}

const tooShort = (which: string, expected: string, got: string): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `train: the part of the text that is ${which} is shorter than a block.`,
    expected,
    got,
    fix: 'give more text, or make the blocks shorter',
  });
