import type { WeightType } from '@densessm/ssm-core';

export interface SessionOptions {
  /** Of the draws; left out, one is chosen. */
  seed?: number;
  /** How many tokens penalties and n-grams look back: so much of the text itself is kept, and no more. Default 4096. */
  historyLength?: number;
  /** Tokens per call of the model when a text is read. Default 512, on a GPU 2,048. */
  promptChunk?: number;
  /** How the weights that read drawn tokens are kept, where the model has a decoder; see `GenerateOptions`. */
  weights?: WeightType;
}

/** A place in a session's text to come back to. */
export interface SessionMark {
  /** Tokens of the text at that place. */
  readonly tokenCount: number;
  /** Frees it; disposing of the session frees it too. */
  dispose(): void;
}
