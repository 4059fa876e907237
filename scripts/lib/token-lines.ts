import type { Tokenizer } from '@densessm/tokenizer';

/** What a reference tokenizer makes of one text, as `tokens_*.jsonl` files have it. */
export interface TokenLine {
  ids: number[];
  /** With the special tokens around it; null where the reference adds none. */
  ids_special: number[] | null;
  /** `ids` as text again, with special tokens and without. */
  decoded: string;
  decoded_skip: string;
}

export interface TokenDifference {
  line: number;
  what: keyof TokenLine;
  expected: string;
  got: string;
}

/**
 * The lines of a JSONL file of texts, each with one {@link TokenLine} per tokenizer.
 * @throws Error where a line has no text or nothing under the key
 */
export function readTokenLines(jsonl: string, key: string): { text: string; reference: TokenLine }[] {
  const lines = jsonl.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => {
    const parsed = JSON.parse(line);
    const reference = parsed[key];
    if (typeof parsed.text === 'string' && Array.isArray(reference?.ids)) return { text: parsed.text, reference };
    const keys = Object.keys(parsed).filter((one) => Array.isArray(parsed[one]?.ids));
    throw new Error(`line ${index + 1} has no text with ids under ${JSON.stringify(key)}; it has ${keys.join(', ') || 'no ids at all'}`);
  });
}

/** Everything in which a tokenizer differs from the reference, bit-by-bit decoding included. */
export function tokenDifferences(tokenizer: Tokenizer, lines: ReturnType<typeof readTokenLines>): TokenDifference[] {
  return lines.flatMap(({ text, reference }, index) => {
    const got: TokenLine = {
      ids: tokenizer.encode(text, { addSpecialTokens: false }),
      ids_special: reference.ids_special && tokenizer.encode(text),
      decoded: tokenizer.decode(reference.ids),
      decoded_skip: streamed(tokenizer, reference.ids),
    };
    return (Object.keys(got) as (keyof TokenLine)[])
      .map((what) => ({ line: index + 1, what, expected: JSON.stringify(reference[what] ?? null), got: JSON.stringify(got[what]) }))
      .filter(({ expected, got: ours }) => expected !== ours);
  });
}

function streamed(tokenizer: Tokenizer, ids: readonly number[]): string {
  const stream = tokenizer.decodeStream({ skipSpecialTokens: true });
  return ids.map((id) => stream.push(id)).join('') + stream.end();
}
