import { BYTE_CHARACTERS, utf8 } from '../encode/byte-alphabet';
import { shown, TokenizerError } from '../errors';
import { tokenizerFromJson } from '../from-json';
import type { Tokenizer } from '../tokenizer';
import { type Candidate, CandidateHeap } from './candidate-heap';
import { countWords, type Texts } from './count-words';
import { mergeInWord, type Words, wordsOf } from './merge-words';
import { pause } from './pause';

export interface TrainingProgress {
  stage: 'reading' | 'merging';
  /** Characters read, or tokens in the vocabulary. */
  done: number;
  /** How many there will be at most; null while reading, where nobody knows. */
  total: number | null;
}

export interface TrainingOptions {
  /** Tokens of the finished vocabulary: special tokens, 256 bytes, merges. */
  vocabSize: number;
  /** A pair that occurs less often is not merged. Default 2. */
  minFrequency?: number;
  /** The first ids, in this order. Default `['<|endoftext|>']`. */
  specialTokens?: readonly string[];
  /** Brings characters that look the same to one form (Unicode NFC) before cutting and encoding. Default false. */
  normalize?: boolean;
  signal?: AbortSignal;
  onProgress?(progress: TrainingProgress): void;
}

/**
 * Trains a byte-level BPE (Sennrich et al. 2016, arXiv:1508.07909, on bytes as in GPT-2) and returns the tokenizer;
 * `JSON.stringify` of it is a tokenizer.json. Texts may come from a generator: they are counted as they come and not kept.
 * The same texts give the same tokenizer; of equally frequent pairs the lexicographically smallest is merged first. The
 * merges are those of Hugging Face's BpeTrainer.
 * @throws TokenizerError OPTION; the signal's reason
 */
export async function trainByteLevelBpe(texts: Texts, options: TrainingOptions): Promise<Tokenizer> {
  const { vocabSize, minFrequency = 2, specialTokens = ['<|endoftext|>'], normalize = false, signal, onProgress } = options;
  checkOptions(vocabSize, minFrequency, specialTokens);
  const counted = await countWords(texts, {
    specialTokens,
    normalize: (text) => (normalize ? text.normalize('NFC') : text),
    signal,
    onRead: (done) => onProgress?.({ stage: 'reading', done, total: null }),
  });
  const tokens = [...specialTokens, ...BYTE_CHARACTERS.toSorted()];
  const byteIds = Int32Array.from(BYTE_CHARACTERS, (character) => tokens.indexOf(character, specialTokens.length));
  const merger = new Merger(wordsOf(counted, utf8, byteIds), tokens, vocabSize);
  for (let step = 1; tokens.length < vocabSize && merger.mergeNext(minFrequency); step++) {
    if (step % STEPS_PER_LOOK !== 0) continue;
    onProgress?.({ stage: 'merging', done: tokens.length, total: vocabSize });
    await pause(signal);
  }
  onProgress?.({ stage: 'merging', done: tokens.length, total: tokens.length });
  return tokenizerFromJson(tokenizerJson(tokens, merger.merges(), specialTokens, normalize));
}

/** Steps of the merger between two looks at the signal. */
const STEPS_PER_LOOK = 256;

function checkOptions(vocabSize: number, minFrequency: number, specialTokens: readonly string[]): void {
  const fix = 'correct the option of trainByteLevelBpe';
  const bad = (option: string, expected: string, got: unknown): TokenizerError =>
    new TokenizerError({ code: 'OPTION', what: `trainByteLevelBpe: \`${option}\` has no meaning.`, expected, got: shown(got), fix });
  if (!Array.isArray(specialTokens) || specialTokens.some((one) => typeof one !== 'string' || one === ''))
    throw bad('specialTokens', 'a list of strings that are not empty', specialTokens);
  const clash = specialTokens.find((one, index) => specialTokens.indexOf(one) !== index || BYTE_CHARACTERS.includes(one));
  if (clash !== undefined) throw bad('specialTokens', 'names that occur once and are no single character of the byte alphabet', clash);
  const least = 256 + specialTokens.length;
  if (!Number.isInteger(vocabSize) || vocabSize < least || vocabSize > 2 ** 22)
    throw bad('vocabSize', `an integer from ${least} (bytes and special tokens) to ${2 ** 22}`, vocabSize);
  if (!(minFrequency >= 1)) throw bad('minFrequency', 'a number from 1', minFrequency);
}

/**
 * Merges the most frequent pair, again and again. A merge changes only the counts of pairs around it, so counts are
 * kept up to date; a candidate in the heap may be out of date and is put back with its count of now when it comes up.
 */
class Merger {
  readonly #words: Words;
  /** Grows by one token with each merge, unless another pair has made the same token before. */
  readonly #tokens: string[];
  readonly #base: number;
  readonly #ids: Map<string, number>;
  readonly #counts = new Map<number, number>();
  readonly #heap = new CandidateHeap();
  /** Pairs in the order of their merges; one that comes up again moves to the end. */
  readonly #merged = new Map<number, [string, string]>();

  constructor(words: Words, tokens: string[], vocabSize: number) {
    this.#words = words;
    this.#tokens = tokens;
    this.#base = vocabSize;
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
    this.#push(this.#countAll());
  }

  merges(): [string, string][] {
    return [...this.#merged.values()];
  }

  /** One step: a merge, or a candidate put back. False where no pair is left to merge. */
  mergeNext(minFrequency: number): boolean {
    const top = this.#heap.pop();
    if (!top) return false;
    const count = this.#counts.get(top.key) ?? 0;
    if (top.count !== count) {
      this.#heap.push({ ...top, count });
      return true;
    }
    if (count < minFrequency) return false;
    this.#merge(top);
    return true;
  }

  #merge({ key, words }: Candidate): void {
    const right = key % this.#base;
    const left = (key - right) / this.#base;
    const names: [string, string] = [this.#tokens[left] as string, this.#tokens[right] as string];
    const made = this.#idOf(names.join(''));
    this.#merged.delete(key);
    this.#merged.set(key, names);
    const seen = new Map<number, number[]>();
    for (const word of words)
      mergeInWord(this.#words, word, left, right, made, (before, after, change) => {
        const changed = before * this.#base + after;
        this.#counts.set(changed, (this.#counts.get(changed) ?? 0) + change);
        if (change > 0) note(seen, changed, word);
      });
    this.#push(seen);
  }

  #idOf(token: string): number {
    const id = this.#ids.get(token) ?? this.#tokens.push(token) - 1;
    this.#ids.set(token, id);
    return id;
  }

  /** Counts the pairs of all words and returns where each was seen. */
  #countAll(): Map<number, number[]> {
    const { symbols, starts, lengths, counts } = this.#words;
    const seen = new Map<number, number[]>();
    for (let word = 0; word < starts.length; word++) {
      const start = starts[word] as number;
      for (let at = start + 1; at < start + (lengths[word] as number); at++) {
        const key = (symbols[at - 1] as number) * this.#base + (symbols[at] as number);
        this.#counts.set(key, (this.#counts.get(key) ?? 0) + (counts[word] as number));
        note(seen, key, word);
      }
    }
    return seen;
  }

  #push(seen: ReadonlyMap<number, number[]>): void {
    for (const [key, words] of seen) {
      const count = this.#counts.get(key) ?? 0;
      if (count > 0) this.#heap.push({ key, count, words });
    }
  }
}

/** Notes that a pair was seen in a word, once. */
function note(seen: Map<number, number[]>, key: number, word: number): void {
  const words = seen.get(key);
  if (!words) seen.set(key, [word]);
  else if (words.at(-1) !== word) words.push(word);
}

function tokenizerJson(
  tokens: readonly string[],
  merges: readonly [string, string][],
  specialTokens: readonly string[],
  normalize: boolean,
): Record<string, unknown> {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({ id, content, ...flags })),
    normalizer: normalize ? { type: 'NFC' } : null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}
