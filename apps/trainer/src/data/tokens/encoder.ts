import type { Tokenizer } from '@densessm/tokenizer';
import type { TokenizerKind } from './choose-tokenizer';

/** Text as ids; the ids of a document that comes in pieces are those of its pieces, one after the other. */
export interface Encoder {
  /** Put before each document, and after it. */
  readonly before: number | null;
  readonly after: number | null;
  /** Whether a text may be cut anywhere, or only where words end. */
  readonly cutsAnywhere: boolean;
  encode(text: string): ArrayLike<number>;
}

/**
 * How documents become ids. A tokenizer with one token for the border of texts (GPT-2's `<|endoftext|>`) has it before each
 * document; one with two (LLaMA's `<s>` and `</s>`) has one before and one after.
 */
export function encoderOf(tokenizer: Tokenizer, kind: TokenizerKind): Encoder {
  const { bos, eos } = tokenizer.specialIds;
  const border = tokenizer.tokenToId('<|endoftext|>');
  const before = bos ?? eos ?? border;
  const after = bos !== null && eos !== null && bos !== eos ? eos : null;
  const cutsAnywhere = kind === 'char' || kind === 'byte';
  const byKind = { char: characterEncoder, byte: byteEncoder, bpe: wordEncoder, given: wordEncoder };
  return { before, after, cutsAnywhere, encode: byKind[kind](tokenizer) };
}

type Encode = Encoder['encode'];

const wordEncoder =
  (tokenizer: Tokenizer): Encode =>
  (text) =>
    tokenizer.encode(text, { addSpecialTokens: false, specialTokensAsText: true });

/** UTF-8 itself: the ids of a byte tokenizer are the bytes. */
function byteEncoder(): Encode {
  const utf8 = new TextEncoder();
  return (text) => utf8.encode(text);
}

/** Half of a character outside of the first plane. Text read as UTF-8 has them in pairs only. */
export const isHalf = (unit: number): boolean => (unit & 0xf800) === 0xd800;

const NO_ID = 0xffff_ffff;

/** One look into a table for each character: what the tokenizer does, without its general machinery. */
function characterEncoder(tokenizer: Tokenizer): Encode {
  const ids = new Uint32Array(0x110000).fill(NO_ID);
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const token = tokenizer.idToToken(id);
    if (token !== null && !tokenizer.isSpecial(id)) ids[token.codePointAt(0) ?? 0] = id;
  }
  return (text) => {
    const out = new Uint32Array(text.length);
    let count = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const point = isHalf(unit) ? (text.codePointAt(i++) as number) : unit;
      const id = ids[point] as number;
      if (id === NO_ID) tokenizer.encode(text); // says which character it is
      out[count++] = id;
    }
    return out.subarray(0, count);
  };
}
