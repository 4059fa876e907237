import { SsmError } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import type { SavedState } from './saved-state';

/** Where states at the borders of prompts are kept. */
export interface PrefixCache {
  /** The longest beginning of the prompt, up to one of the places, with a state that is at hand. */
  find(prompt: readonly number[], places: readonly number[]): Promise<{ readonly place: number; readonly state: SavedState } | undefined>;
  keep(prefix: readonly number[], state: SavedState): Promise<void>;
}

export interface SchedulerOptions {
  /** Texts that are generated at once. Default 8. */
  slots?: number;
  /** Texts of one step of the model. Default: as many as it computes each with the bits that it has alone, 16 with a decoder, and 3 without. */
  groupSize?: number;
  /** Requests that may wait. Default 64. */
  maxWaiting?: number;
  /** Prompt tokens that the model reads at once, between tokens of others. Default 128: larger ones are read some 2% faster, and hold the others up for longer. */
  promptChunk?: number;
  cache?: PrefixCache;
}

export interface SchedulerCounts {
  /** Requests that are read or generated. */
  readonly active: number;
  readonly waiting: number;
  /** Texts that are generated. */
  readonly texts: number;
}

/** The queue is full: ask again later. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError';
}

/** The most texts of one step of a model that have the bits that each has alone: products of more rows are made in another order. */
export const rowsWithOwnBits = ({ model, config }: ModelBundle): number => (model.decoder?.(config, { batch: 1 }) ? 16 : 3);

export const closed = (): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Scheduler: it was closed.',
    expected: 'a scheduler that takes requests',
    got: 'one that ends',
    fix: 'make a new one',
  });

export const emptyPrompt = (): SsmError =>
  new SsmError({
    code: 'TOKENS',
    what: 'Scheduler: the prompt is empty.',
    expected: 'at least one token',
    got: 'no tokens',
    fix: 'start a text with the bos or eos token',
  });
