/** Stable codes; the text around them may change between versions. */
export type SsmErrorCode =
  | 'SHAPE' // a tensor has the wrong rank or size
  | 'DTYPE' // a tensor or a file holds the wrong element type
  | 'TOKENS' // token ids are not integers inside the vocabulary
  | 'CONFIG' // a config is missing a value or holds one that cannot work
  | 'MODEL' // no model answers to this config
  | 'WEIGHTS' // weights are missing, unexpected or misshapen
  | 'FILE' // a file is not what its header claims
  | 'STATE' // a state belongs to another model, batch or position
  | 'OPTION' // an argument of a function has no meaning
  | 'BACKEND' // a backend is missing or lacks what is needed
  | 'LOST' // a device was lost, with all tensors on it
  | 'NETWORK' // a server refused, failed or could not be reached
  | 'DIVERGED'; // training met losses or gradients that are not finite, again and again

export interface Problem {
  code: SsmErrorCode;
  /** The sentence: who complains about what. */
  what: string;
  expected: string;
  got: string;
  /** What the reader can do about it. */
  fix: string;
}

/** The one error every package throws for bad input: what, expected, got, how to fix. */
export class SsmError extends Error {
  override readonly name = 'SsmError';
  readonly code: SsmErrorCode;
  readonly expected: string;
  readonly got: string;
  readonly fix: string;

  constructor(problem: Problem, options?: ErrorOptions) {
    const { code, what, expected, got, fix } = problem;
    super(`${what}\n  expected  ${expected}\n  got       ${got}\n  fix       ${fix}`, options);
    this.code = code;
    this.expected = expected;
    this.got = got;
    this.fix = fix;
  }
}
