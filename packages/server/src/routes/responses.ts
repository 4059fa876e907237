import type { GenerateOptions, SavedState, TextRequest } from '@densessm/generate';
import type { ChatMessage, ChatPromptOptions } from '@densessm/tokenizer';
import { promptOf, textOf } from '../conversation';
import { ApiError } from '../errors';
import { given, numberIn, textIn } from '../fields';
import { samplingOf } from '../sampling';
import { newId, type Service, seconds } from '../service';
import { hashOfText } from '../states/hash';
import { type Call, type Counts, checkLength, checkModel, count, finishOf, streamed, streamsOf } from './call';
import { startTrimmer } from './chat';
import { functionsIn, inputOf, refuseUnservedResponse } from './response-input';
import { type Answer, responseEvents, responseObject } from './response-object';

interface Plan {
  readonly id: string;
  readonly created: number;
  /** The conversation, without instructions, which hold for one answer only. */
  readonly messages: readonly ChatMessage[];
  /** All of it as the model reads it. */
  readonly text: string;
  readonly trimsStart: boolean;
  readonly request: TextRequest;
  readonly stores: boolean;
  readonly counts: Counts;
}

/** POST /v1/responses. */
export async function responses(call: Call): Promise<Response> {
  checkModel(call);
  const plan = await planOf(call);
  const { stream } = streamsOf(call.body);
  const answer: Answer = { id: plan.id, created: plan.created, model: call.service.options.name, body: call.body, counts: plan.counts };
  const deltas = deltasOf(call.service, plan, call.service.texts([plan.request]));
  if (stream) return streamed(call, responseEvents(answer, deltas));
  let [text, finish] = ['', null as string | null];
  for await (const delta of deltas) [text, finish] = [text + delta.text, delta.finish ?? finish];
  call.onEnd();
  return Response.json(responseObject(answer, { text, finish }));
}

async function planOf(call: Call): Promise<Plan> {
  const { service, body } = call;
  refuseUnservedResponse(body);
  const previous = await previousOf(service, textIn(body, 'previous_response_id'));
  const messages = [...previous.messages, ...inputOf(body)];
  const instructions = textIn(body, 'instructions');
  const whole = instructions === undefined ? messages : [{ role: 'system', content: instructions }, ...messages];
  const tools = functionsIn(body);
  const style = tools.length > 0 ? { tools } : {};
  const { text, trimsStart, stop } = textOf(service.model.tokenizer, whole, style);
  const news = newsOf(service, previous, text);
  const prompt = news ? { prompt: news, from: previous.state } : wholeOf(service, whole, style);
  checkLength(call, prompt.prompt, 'input');
  const stores = given(body, 'store') !== false;
  return {
    ...{ id: newId('resp_'), created: seconds(), messages, text, trimsStart, stores },
    counts: { prompt: (prompt.from?.history.count ?? 0) + prompt.prompt.length, cached: 0, completion: 0 },
    request: { ...prompt, options: optionsOf(call, stop), keepsState: stores },
  };
}

type Beginning = Pick<TextRequest, 'prompt' | 'from' | 'borders'>;

/** What the state of the previous answer has not read, where it has read the beginning: all before stays unread, and is not even encoded. */
function newsOf({ model }: Service, previous: Previous, text: string): readonly number[] | undefined {
  if (!previous.state || !text.startsWith(previous.text)) return undefined;
  const ids = model.tokenizer.encode(text.slice(previous.text.length), { addSpecialTokens: false });
  return ids.length > 0 ? ids : undefined;
}

function wholeOf({ model }: Service, messages: readonly ChatMessage[], style: ChatPromptOptions): Beginning {
  const { ids, borders } = promptOf(model.tokenizer, messages, style);
  return { prompt: ids, borders };
}

function optionsOf({ service, body, abort }: Call, stop: readonly string[]): GenerateOptions {
  const { maxTokens: most } = service.options;
  const wanted = numberIn(body, 'max_output_tokens', { min: 1, isInteger: true }) ?? service.model.samplingDefaults?.maxTokens ?? most;
  const sampling = samplingOf(body, service.model, Math.min(most, wanted));
  const stops = [sampling.stop ?? []].flat().concat(stop);
  return { ...sampling, ...(stops.length > 0 && { stop: stops }), signal: abort.signal };
}

interface Previous {
  readonly messages: readonly ChatMessage[];
  /** What the state has read. */
  readonly text: string;
  readonly state: SavedState | undefined;
}

/** @throws ApiError 400 where the response is unknown, or was kept no longer */
async function previousOf({ store }: Service, id: string | undefined): Promise<Previous> {
  if (id === undefined) return { messages: [], text: '', state: undefined };
  const found = await store.get(await keyOf(id));
  const { messages, text } = found?.about ?? {};
  if (found && Array.isArray(messages) && typeof text === 'string') return { messages, text, state: text === '' ? undefined : found.state };
  throw new ApiError(400, 'The previous response was not found.', { param: 'previous_response_id', code: 'previous_response_not_found' });
}

const keyOf = async (id: string): Promise<string> => `response-${await hashOfText(id)}`;

/** A piece of the answer. */
export interface Delta {
  readonly text: string;
  readonly finish: 'stop' | 'length' | null;
}

/** The answer piece by piece; behind its last one, the conversation is kept. */
async function* deltasOf(service: Service, plan: Plan, events: ReturnType<Service['texts']>): AsyncGenerator<Delta, void, undefined> {
  const trim = startTrimmer(plan.trimsStart);
  let [raw, answer, last] = ['', '', undefined as Delta | undefined];
  let [ending, state]: [string | undefined, SavedState | undefined] = [undefined, undefined];
  for await (const { event } of events) {
    count(plan.counts, event);
    if (event.type === 'state') state = event.state;
    if (event.type !== 'part') continue;
    const { text, token, finishReason } = event.part;
    const delta = { text: trim(text), finish: finishOf(finishReason) };
    [raw, answer] = [raw + text, answer + delta.text];
    if (finishReason === 'length') ending = '';
    if (finishReason === 'eos') ending = service.model.tokenizer.idToToken(token as number) ?? undefined;
    if (finishReason === undefined) yield delta;
    else last = delta;
  }
  const messages = [...plan.messages, { role: 'assistant', content: answer }];
  // after a stop string the state has read more than the conversation holds
  const text = ending === undefined ? '' : plan.text + raw + ending;
  if (plan.stores) await service.store.set(await keyOf(plan.id), { state: text === '' ? undefined : state, about: { messages, text } });
  if (last) yield last;
}
