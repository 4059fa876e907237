import type { ModelBundle } from '../bundle';
import type { Lane } from './lane';
import { PromptReading } from './prompt-reading';
import { restoreState } from './saved-state';
import type { PrefixCache } from './scheduler-options';
import type { Ticket } from './ticket';

/** What is read for a request: its prompt; or, for one of its texts, all that it had read on a device that was lost. */
export interface Reader {
  readonly ticket: Ticket;
  readonly reading: PromptReading;
  readonly cachedTokens: number;
  readonly lane?: Lane;
}

/** Tokens of a chunk whose logits are all looked at, on the host: as many rows of the vocabulary. */
const SCORED_CHUNK = 64;

/** A prompt, from the state on that the request comes with or that was kept of its beginning. */
export async function readPrompt(
  bundle: ModelBundle,
  ticket: Ticket,
  { cache, chunk }: { cache: PrefixCache | undefined; chunk: number },
): Promise<Reader> {
  const { prompt: ids, borders: all = [], promptScores: scores, from } = ticket.request;
  const borders = all.filter((place) => place > 0 && place < ids.length);
  const plan = { ids, borders, chunk: scores === undefined ? chunk : SCORED_CHUNK, scores };
  if (from) return { ticket, reading: new PromptReading(bundle, plan, restoreState(bundle, from)), cachedTokens: from.history.count };
  const found = scores === undefined && borders.length > 0 ? await cache?.find(ids, borders) : undefined;
  const state = found && restoreState(bundle, found.state);
  return { ticket, reading: new PromptReading(bundle, plan, state, found?.place), cachedTokens: found?.place ?? 0 };
}

/** A text's prompt and all that it drew but the last token, which waits to be read. */
export function readAgain(bundle: ModelBundle, ticket: Ticket, { lane, chunk }: { lane: Lane; chunk: number }): Reader {
  const { prompt, from } = ticket.request;
  const plan = { ids: [...prompt, ...lane.drawn.slice(0, -1)], borders: [prompt.length], chunk, scores: undefined };
  return { ticket, lane, reading: new PromptReading(bundle, plan, from && restoreState(bundle, from)), cachedTokens: 0 };
}
