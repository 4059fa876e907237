/** Stable codes, a part of those of `@densessm/ssm-core`; the text around them may change between versions. */
export type TokenizerErrorCode =
  | 'FILE' // a tokenizer file is not what it claims
  | 'CONFIG' // a file is sound and asks for something that is not supported
  | 'TOKENS' // ids are not in the vocabulary, or text is not in its alphabet
  | 'OPTION'; // an argument of a function has no meaning

export interface Problem {
  code: TokenizerErrorCode;
  /** The sentence: who complains about what. */
  what: string;
  expected: string;
  got: string;
  /** What the reader can do about it. */
  fix: string;
}

/**
 * The one error of this package: what, expected, got, how to fix. It has the fields of the SsmError of `@densessm/ssm-core`, so
 * that `error.code` and `error.fix` serve for both; it is a class of its own because this package imports none of the others.
 */
export class TokenizerError extends Error {
  override readonly name = 'TokenizerError';
  readonly code: TokenizerErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly fix: string;

  constructor({ code, what, expected, got, fix }: Problem, options?: ErrorOptions) {
    super(`${what}\n  expected  ${expected}\n  got       ${got}\n  fix       ${fix}`, options);
    this.code = code;
    this.expected = expected;
    this.got = got;
    this.fix = fix;
  }
}

/** A value from outside, in at most 60 characters. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text =
    typeof value === 'object' && value !== null
      ? written(value)
      : typeof value === 'string'
        ? JSON.stringify(value.slice(0, 100))
        : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

function written(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'a value that is nested too deeply to be shown';
  }
}
