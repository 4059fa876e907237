import type { HubOptions } from '@densessm/runtime-node';
import type { Tokenizer } from '@densessm/tokenizer';
import type { TokenSource } from '@densessm/train';

export interface TrainingDataOptions {
  /**
   * Where the text comes from, in this order: files (.jsonl, .parquet, any other is plain text; all but Parquet also with .gz)
   * and folders of them, `-` for the standard input, URLs of such files, data sets on the Hub (`owner/name`,
   * `owner/name/path`), and `stories` (or `stories:1000000`, so many characters) for the corpus that is made on the spot. DATA.md says more.
   */
  data: readonly string[];
  /** The same for the held-out part. Without it, the end of the data is held out. */
  valData?: readonly string[];
  /** The field of a JSON line or a row of Parquet that holds the text. Default `text`. */
  field?: string;
  /** `char`, `byte`, `bpe` (trained on the data), or the path of a tokenizer.json, a SentencePiece .model or a folder with one. Default `char`. */
  tokenizer?: string;
  /** Of a `bpe` tokenizer, special tokens and bytes included. Default 4096. */
  vocabSize?: number;
  /** Held out of the data where there is no `valData`. Default 0.1. */
  valFraction?: number;
  /** Counts lines that are no JSON or lack the field instead of ending with an error. Default false. */
  skipBadLines?: boolean;
  /** Where tokens, trained tokenizers and what came from the standard input are kept. */
  cacheDir: string;
  /** Tokens of a block: both parts must be longer. */
  blockSize: number;
}

export interface DataProgress {
  /** Looking for files, fetching one; collecting characters, or counting words and merging them to a vocabulary; turning text into tokens. */
  stage: 'finding' | 'downloading' | 'characters' | 'words' | 'tokenizer' | 'tokens';
  /** The file at hand. */
  file?: string;
  /** Bytes on disk (of a .gz: packed ones); in the stage `tokenizer` tokens of the vocabulary. */
  done: number;
  /** Undefined where nobody knows. */
  total?: number;
}

/** What surrounds the data. Every part has a default. */
export interface DataServices {
  onProgress?: (progress: DataProgress) => void;
  signal?: AbortSignal;
  /** What `-` reads. Default the standard input of the process. */
  stdin?: AsyncIterable<Uint8Array | string>;
  /** What relative paths are relative to. Default the working directory of the process. */
  cwd?: string;
  /** Endpoint, token, revision and cache of what comes over the network. */
  hub?: HubOptions;
}

export interface DataSummary {
  /** What was read, by the names it was given. */
  sources: readonly string[];
  files: number;
  /** Bytes on disk. */
  bytes: number;
  documents: number;
  /** UTF-16 units of text. */
  characters: number;
  /** Bad lines left out, see {@link TrainingDataOptions.skipBadLines}. */
  skippedLines: number;
  trainTokens: number;
  validationTokens: number;
  /** How the held-out part came about, as a sentence. */
  split: string;
  vocabSize: number;
  /** `char`, `byte`, `bpe` or the path. */
  tokenizer: string;
  /** Whether the tokens lay in the cache already. */
  fromCache: boolean;
}

export interface TrainingData {
  train: TokenSource;
  validation: TokenSource;
  tokenizer: Tokenizer;
  summary: DataSummary;
  /** Closes the files. */
  close(): Promise<void>;
}

/**
 * Opens text as tokens to train on. Text is read as a stream, its tokens go to a file in the cache and are read from there,
 * so that neither has to fit into memory.
 * @throws SsmError FILE for data that cannot be used (which file, which line, which byte), OPTION for an option without
 * meaning, NETWORK where a download fails; the reason of the signal
 */
export type OpenTrainingData = (options: TrainingDataOptions, services?: DataServices) => Promise<TrainingData>;
