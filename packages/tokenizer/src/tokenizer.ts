import type { ChatMessage, ChatOptions } from './chat-template';

export interface EncodeOptions {
  /** Puts the special tokens around the text that the tokenizer's file asks for, such as one that begins it. Default true. */
  addSpecialTokens?: boolean;
  /** Reads the names of special tokens in the text as plain text, for text that nobody has checked. Default false. */
  specialTokensAsText?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens out. Default false. */
  skipSpecialTokens?: boolean;
  /** What an id outside the vocabulary does: it is an error, or it stands for no text. Default 'throw'. */
  unknownIds?: 'throw' | 'skip';
}

export interface DecodeStreamOptions extends DecodeOptions {
  /**
   * With byte tokens as LLaMA has them (`<0xE2>`), whether a run of them is text or not is known only after its last one.
   * `eager` passes on each character as it is complete. The text then differs from that of `decode` where a run is no UTF-8.
   */
  eager?: boolean;
}

/** Decodes bit by bit. All that it returned, put together, is what `decode` makes of all ids. */
export interface DecodeStream {
  /** The text that became certain with these ids: often none, never half a character. */
  push(ids: number | Iterable<number>): string;
  /** The rest, and the stream begins anew. */
  end(): string;
}

/** Ids of the tokens with a meaning; null where a tokenizer has none. */
export interface SpecialIds {
  readonly bos: number | null;
  readonly eos: number | null;
  readonly pad: number | null;
  readonly unk: number | null;
}

/** Text to ids and back. */
export interface Tokenizer {
  /** The number of rows that an embedding needs: the greatest id plus one. */
  readonly vocabSize: number;
  readonly specialIds: SpecialIds;
  /** @throws TokenizerError OPTION, TOKENS */
  encode(text: string, options?: EncodeOptions): number[];
  /** @throws TokenizerError TOKENS */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  decodeStream(options?: DecodeStreamOptions): DecodeStream;
  /** The id of a token as it stands in the vocabulary, or null. */
  tokenToId(token: string): number | null;
  idToToken(id: number): string | null;
  /** Whether decoding may leave the id out. */
  isSpecial(id: number): boolean;
  /**
   * A conversation as one text, written by the template that came with the tokenizer. The template writes all special
   * tokens itself: encode the text with `addSpecialTokens: false`.
   * @throws TokenizerError OPTION, CONFIG
   */
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatOptions): string;
  /** Whether a chat template came with the tokenizer. */
  readonly hasChatTemplate: boolean;
  /** The content of a tokenizer.json. */
  toJSON(): Readonly<Record<string, unknown>>;
}
