import { type Body, given } from '../fields';
import { newId } from '../service';
import type { SseMessage } from '../sse';
import type { Counts } from './call';
import type { Delta } from './responses';

/** What every event of an answer shares. */
export interface Answer {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly body: Body;
  readonly counts: Counts;
}

interface Written {
  readonly text: string;
  readonly finish: string | null;
}

/** The object of /v1/responses; without a text, of an answer that was begun. */
export function responseObject(answer: Answer, written?: Written, messageId = newId('msg_')): Record<string, unknown> {
  const { id, created, model, body } = answer;
  const echoed = (name: string, fallback: unknown = null): unknown => given(body, name) ?? fallback;
  const isCut = written?.finish === 'length';
  const status = written === undefined ? 'in_progress' : isCut ? 'incomplete' : 'completed';
  return {
    ...{ id, object: 'response', created_at: created, status, error: null, model },
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    ...{ instructions: echoed('instructions'), max_output_tokens: echoed('max_output_tokens'), metadata: echoed('metadata', {}) },
    output: written ? [message(messageId, status, written.text)] : [],
    ...{ parallel_tool_calls: true, previous_response_id: echoed('previous_response_id'), reasoning: { effort: null, summary: null } },
    ...{
      store: echoed('store', true),
      temperature: echoed('temperature', 1),
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      tools: [],
    },
    ...{ top_p: echoed('top_p', 1), truncation: 'disabled', user: echoed('user') },
    usage: written ? usage(answer.counts) : null,
  };
}

const part = (text: string): Record<string, unknown> => ({ type: 'output_text', text, annotations: [], logprobs: [] });

const message = (id: string, status: string, text: string | undefined): Record<string, unknown> => ({
  ...{ id, type: 'message', status, role: 'assistant', content: text === undefined ? [] : [part(text)] },
});

const usage = ({ prompt, cached, completion }: Counts): Record<string, unknown> => ({
  input_tokens: prompt,
  input_tokens_details: { cached_tokens: cached },
  output_tokens: completion,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: prompt + completion,
});

/** The events of an answer, in the order of the API. */
export async function* responseEvents(
  answer: Answer,
  deltas: AsyncGenerator<Delta, void, undefined>,
): AsyncGenerator<SseMessage, void, undefined> {
  let sequence_number = 0;
  const event = (type: string, fields: object): SseMessage => ({
    event: type,
    data: JSON.stringify({ type, sequence_number: sequence_number++, ...fields }),
  });
  const id = newId('msg_');
  const place = { item_id: id, output_index: 0, content_index: 0 };
  yield event('response.created', { response: responseObject(answer) });
  yield event('response.in_progress', { response: responseObject(answer) });
  yield event('response.output_item.added', { output_index: 0, item: message(id, 'in_progress', undefined) });
  yield event('response.content_part.added', { ...place, part: part('') });
  let [text, finish] = ['', null as string | null];
  for await (const delta of deltas) {
    [text, finish] = [text + delta.text, delta.finish ?? finish];
    if (delta.text !== '') yield event('response.output_text.delta', { ...place, delta: delta.text, logprobs: [] });
  }
  const response = responseObject(answer, { text, finish }, id);
  yield event('response.output_text.done', { ...place, text, logprobs: [] });
  yield event('response.content_part.done', { ...place, part: part(text) });
  yield event('response.output_item.done', { output_index: 0, item: message(id, String(response.status), text) });
  yield event(finish === 'length' ? 'response.incomplete' : 'response.completed', { response });
}
