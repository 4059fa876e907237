/**
 * A number of a JSON text as it was written. Python's json tells 1.0 from 1 and keeps integers of any size; JSON.parse does neither, and a chat
 * template prints which it was.
 */
export class JsonNumber {
  constructor(readonly written: string) {}

  /** An integer is a bigint, as in templates. */
  get value(): number | bigint {
    return /[.eE]/.test(this.written) ? Number(this.written) : BigInt(this.written);
  }

  toJSON(): number {
    return Number(this.written);
  }
}

/** A text in JSON, or a number. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

const isLost = (written: string): boolean =>
  /[.eE]/.test(written) ? Number.isInteger(Number(written)) : !Number.isSafeInteger(Number(written));

/**
 * `JSON.parse` for what goes to a chat template: messages, tools, arguments of a call. Numbers of which JSON.parse would lose how they were written, such as 1.0
 * and 12345678901234567890, are objects that `applyChatTemplate` prints as Python does and that `JSON.stringify` writes as numbers.
 * @throws SyntaxError as JSON.parse
 */
export function parseChatJson(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  let key = 'number';
  while (text.includes(key)) key += '_';
  let isAny = false;
  const marked = text.replace(TOKENS, (token) => {
    if (token.startsWith('"') || !isLost(token)) return token;
    isAny = true;
    return `{"${key}":"${token}"}`;
  });
  if (!isAny) return plain;
  return JSON.parse(marked, (_, value: unknown) => {
    const written = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    return typeof written === 'string' ? new JsonNumber(written) : value;
  });
}
