import type { FinishReason, ServedEvent, TextRequest } from '@densessm/generate';
import { ApiError, apiErrorOf, badField } from '../errors';
import { type Body, flagIn, numberIn, objectIn, textIn } from '../fields';
import { vocabSizeOf } from '../served-model';
import type { Service } from '../service';
import { eventStream, type SseMessage } from '../sse';

/** A request for text, its body read. */
export interface Call {
  readonly service: Service;
  readonly body: Body;
  /** Aborted when the client goes away, or takes too long. */
  readonly abort: AbortController;
  /** Called when the answer has ended. */
  readonly onEnd: () => void;
}

/** How the API counts. */
export interface Counts {
  prompt: number;
  cached: number;
  completion: number;
}

/** @throws ApiError 404 for a model that is not served */
export function checkModel({ service, body }: Call): void {
  const model = textIn(body, 'model');
  if (model === undefined || model === service.options.name) return;
  throw new ApiError(404, `The model '${model.slice(0, 200)}' does not exist; this server has '${service.options.name}'.`, {
    param: 'model',
    code: 'model_not_found',
  });
}

/** How many texts of each prompt. @throws ApiError 400 */
export function countOf({ service, body }: Call, prompts: number): number {
  const most = service.options.maxTexts;
  const count = numberIn(body, 'n', { min: 1, max: most, isInteger: true }) ?? 1;
  if (count * prompts <= most) return count;
  throw badField(prompts > 1 ? 'prompt' : 'n', `such that prompts times n are at most ${most}`);
}

/** @throws ApiError 400 */
export function streamsOf(body: Body): { stream: boolean; includesUsage: boolean } {
  const stream = flagIn(body, 'stream');
  const options = objectIn(body, 'stream_options');
  return { stream, includesUsage: stream && options !== undefined && flagIn(options, 'include_usage') };
}

/** @throws ApiError 400 */
export function checkLength({ service }: Call, ids: readonly number[], param: string): void {
  const { maxPromptTokens } = service.options;
  if (ids.length > maxPromptTokens)
    throw new ApiError(400, `The prompt has ${ids.length} tokens; at most ${maxPromptTokens} are taken.`, {
      param,
      code: 'context_length_exceeded',
    });
  const vocabSize = vocabSizeOf(service.model) ?? Infinity;
  const outside = ids.find((id) => id >= vocabSize);
  if (outside !== undefined) throw badField(param, `of token ids below ${vocabSize}, not ${outside}`);
}

export const usageOf = ({ prompt, cached, completion }: Counts): Record<string, unknown> => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  prompt_tokens_details: { cached_tokens: cached },
});

/** As the API says why a text ended. @throws ApiError 504 where it took too long */
export function finishOf(reason: FinishReason | undefined): 'stop' | 'length' | null {
  if (reason === undefined) return null;
  if (reason === 'aborted') throw new ApiError(504, 'The answer took too long.', { type: 'timeout_error', code: 'timeout' });
  return reason === 'length' ? 'length' : 'stop';
}

/** A named slot: its state before, and what is asked for so that it holds the state after. @throws ApiError 400 */
export async function slotOf(
  { service, body }: Call,
  ids: readonly number[],
): Promise<{ id: number | undefined; request: Partial<TextRequest> }> {
  const id = numberIn(body, 'id_slot', { min: -1, isInteger: true });
  if (id === undefined || id === -1) return { id: undefined, request: {} };
  const from = await service.slots.beginning(id, ids);
  return { id, request: { keepsState: true, ...(from && { from, prompt: ids.slice(from.history.count), borders: [] }) } };
}

/** Holds the state after the first text in the slot. */
export class SlotKeeper {
  readonly #id: number | undefined;
  readonly #tokens: number[];

  constructor(id: number | undefined, ids: readonly number[]) {
    this.#id = id;
    this.#tokens = [...ids];
  }

  async see(service: Service, event: ServedEvent): Promise<void> {
    if (this.#id === undefined || event.type === 'prompt' || event.row !== 0) return;
    if (event.type === 'state') await service.slots.hold(this.#id, this.#tokens, event.state);
    else if (event.part.token !== undefined) this.#tokens.push(event.part.token);
  }
}

/** Adds up what an event says. */
export function count(counts: Counts, event: ServedEvent): void {
  if (event.type === 'prompt') counts.cached += event.cachedTokens;
  else if (event.type === 'part' && event.part.token !== undefined) counts.completion++;
}

/** The answer as a stream. */
export function streamed({ service, abort, onEnd }: Call, messages: AsyncGenerator<SseMessage, void, undefined>): Response {
  const { pingMs, onError } = service.options;
  return eventStream(messages, { pingMs, onEnd, onCancel: () => abort.abort(), errorOf: (error) => apiErrorOf(error, onError) });
}
