/** Where a chooser keeps what in its buffer of 32-bit words. */

/** Tokens that a run has at most. */
export const MOST_TOKENS = 16;
/** Segments that the vocabulary is cut into at most, each a workgroup's; and what one has at least. */
const MOST_SEGMENTS = 32;
const LEAST_SIZE = 256;

/** Histograms of the levels of logits: three for each of two searches, of which the first is of both. */
export const HISTOGRAMS = 5;
export const BINS = 256;
/** Words of what dispatches tell those behind them: see PROGRESS in choice-wgsl.ts. One for each histogram and what is kept. */
export const PROGRESS_WORDS = 9;
export const STAGES = HISTOGRAMS + 1;

/** Steps of a level in a unit of logits; see choice-wgsl.ts. */
export const STEPS_OF_LEVEL = 2 ** 19;
export const DEEPEST_LEVEL = 2 ** 24 - 1;
/** The largest vocabulary: the weights of its logits add up to less than 2^48. */
export const MOST_VOCABULARY = 2 ** 19;

/** In the settings. */
export const SETTING = { temperature: 0, repetition: 1, presence: 2, frequency: 3, topK: 4, topP: 5, deepest: 6 } as const;
const SETTINGS = 7;

export interface ChoiceSizes {
  readonly batch: number;
  readonly vocab: number;
  /** Values that the host sets ahead of each token. */
  readonly uniforms: number;
}

/** Offsets and sizes in words. */
export interface ChoiceLayout extends ChoiceSizes {
  readonly segments: number;
  /** Of a segment. */
  readonly size: number;
  /** What the host writes before each run: from 0 on. */
  readonly headWords: number;
  readonly words: number;
  /** How many tokens of the run each text has. [B] */
  readonly counters: number;
  readonly settings: number;
  /** [tokens, B] */
  readonly randoms: number;
  /** The tokens that each chosen one pushes out of the history, and out of what counts as drawn. [tokens, B] each */
  readonly leaving: number;
  readonly leavingDrawn: number;
  /** [tokens, uniforms], float32 */
  readonly queue: number;
  /** [tokens, B] */
  readonly ids: number;
  /** [stages, B, 9] */
  readonly progress: number;
  /** Of each segment the largest logit and its id. [B, segments, 2] */
  readonly maxima: number;
  /** Of each segment how many logits each bin has, and their mass. [5, B, segments, 3, 256] */
  readonly histograms: number;
  /** Of each segment the mass that is kept, and how many logits lie where the cut is. [B, segments, 3] */
  readonly kept: number;
  /** How often the history has each token, and how often it was drawn. [B, vocab] each */
  readonly seen: number;
  readonly drawn: number;
  /** [vocab], float32 */
  readonly bias: number;
}

export function choiceLayout({ batch, vocab, uniforms }: ChoiceSizes): ChoiceLayout {
  const segments = Math.min(MOST_SEGMENTS, Math.ceil(vocab / LEAST_SIZE));
  let words = 0;
  const take = (count: number): number => {
    words += count;
    return words - count;
  };
  const ofTokens = MOST_TOKENS * batch;
  const head = {
    counters: take(batch),
    settings: take(SETTINGS),
    randoms: take(ofTokens),
    leaving: take(ofTokens),
    leavingDrawn: take(ofTokens),
    queue: take(MOST_TOKENS * uniforms),
  };
  const headWords = words;
  const rest = {
    ids: take(ofTokens),
    progress: take(STAGES * batch * PROGRESS_WORDS),
    maxima: take(batch * segments * 2),
    histograms: take(HISTOGRAMS * batch * segments * 3 * BINS),
    kept: take(batch * segments * 3),
    seen: take(batch * vocab),
    drawn: take(batch * vocab),
    bias: take(vocab),
  };
  return { batch, vocab, uniforms, segments, size: Math.ceil(vocab / segments), headWords, ...head, ...rest, words };
}
