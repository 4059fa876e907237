import type { Logprobs } from '../samplers/probabilities';
import type { Part, TextGenerator } from '../text-generator';
import type { TokenHistory } from '../token-history';
import type { SavedState } from './saved-state';

/** What happens to a request, in order: its prompt was read, then parts of its texts. */
export type ServedEvent =
  | {
      readonly type: 'prompt';
      /** Tokens that a kept state spared the model. */
      readonly cachedTokens: number;
      /** Of each token of the prompt but the first, where they were asked for. */
      readonly scores: readonly Logprobs[];
    }
  | { readonly type: 'part'; readonly row: number; readonly part: Part }
  /** The state after the last token of a text, where it was asked for; behind its last part. */
  | { readonly type: 'state'; readonly row: number; readonly state: SavedState };

/** One text of a request while it is generated. */
export interface Lane {
  readonly row: number;
  readonly ticket: LaneOwner;
  readonly generator: TextGenerator;
  readonly history: TokenHistory;
  /** Drawn, the last of them not read yet. */
  readonly drawn: number[];
  /** The text has ended, and its last token is read for the sake of the state alone. */
  isEnded: boolean;
}

/** What a lane needs of its request. */
export interface LaneOwner {
  readonly isCancelled: boolean;
  readonly keepsState: boolean;
  emit(event: ServedEvent): void;
  /** One of its texts has come to its end. */
  endLane(): void;
  fail(error: unknown): void;
}

/** Draws the next token and says so. Whether the lane wants that token to be read. */
export function drawFor(lane: Lane, logits: Float32Array): boolean {
  const part = lane.generator.next(logits);
  lane.ticket.emit({ type: 'part', row: lane.row, part });
  lane.drawn.push(part.token as number);
  lane.isEnded = part.finishReason !== undefined;
  if (!lane.isEnded) return true;
  if (lane.ticket.keepsState) return true;
  lane.ticket.endLane();
  return false;
}

/** Ends a text because nobody waits for it any longer. */
export function abortLane({ row, ticket, generator, isEnded }: Lane): void {
  if (!isEnded) ticket.emit({ type: 'part', row, part: generator.abort() });
  ticket.endLane();
}
