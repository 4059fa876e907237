import type { Part } from '@densessm/generate';
import type { Tokenizer } from '@densessm/tokenizer';

type Scores = Pick<Part, 'logprob' | 'topLogprobs'>;

/** The text of one token; half a character is U+FFFD. */
export const textOfToken = (tokenizer: Tokenizer, id: number): string => tokenizer.decode([id], { unknownIds: 'skip' });

/** `logprobs` of a choice of /v1/completions. */
export interface LegacyLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}

/** Log-probabilities of tokens as /v1/completions tells them, from a place in the text on. */
export class LegacyTable {
  readonly #tokenizer: Tokenizer;
  #offset = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Of tokens, each with its scores; a first token of all has none. */
  rows(tokens: readonly (readonly [id: number, scores: Scores | undefined])[]): LegacyLogprobs {
    const rows: LegacyLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    for (const [id, scores] of tokens) {
      const text = textOfToken(this.#tokenizer, id);
      rows.tokens.push(text);
      rows.token_logprobs.push(scores?.logprob ?? null);
      rows.top_logprobs.push(scores?.topLogprobs ? this.#top(text, scores) : null);
      rows.text_offset.push(this.#offset);
      this.#offset += text.length;
    }
    return rows;
  }

  /** By the text of the token: of those with one text the likeliest counts, so that the largest number is always the largest. */
  #top(text: string, { logprob, topLogprobs = [] }: Scores): Record<string, number> {
    const top = new Map<string, number>();
    for (const one of topLogprobs) {
      const name = textOfToken(this.#tokenizer, one.token);
      if (!top.has(name)) top.set(name, one.logprob);
    }
    if (!top.has(text) && logprob !== undefined) top.set(text, logprob);
    return Object.fromEntries(top);
  }
}

/** One token of `logprobs.content` of /v1/chat/completions. */
export function chatLogprob(tokenizer: Tokenizer, { token, logprob, topLogprobs = [] }: Part): Record<string, unknown> {
  const row = (id: number, value: number | undefined): Record<string, unknown> => {
    const text = textOfToken(tokenizer, id);
    return { token: text, logprob: value, bytes: Array.from(new TextEncoder().encode(text)) };
  };
  return { ...row(token as number, logprob), top_logprobs: topLogprobs.map((one) => row(one.token, one.logprob)) };
}
