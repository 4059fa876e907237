import type { Part, TextRequest } from '@densessm/generate';
import { messagesOf, promptOf, type ServedPrompt } from '../conversation';
import { listIn, numberIn } from '../fields';
import { chatLogprobs, refuseUnserved, samplingOf, scoring } from '../sampling';
import { newId, type PromptEvent, type Service, seconds } from '../service';
import { DONE, dataOf, type SseMessage } from '../sse';
import {
  type Call,
  type Counts,
  checkLength,
  checkModel,
  count,
  countOf,
  finishOf,
  SlotKeeper,
  slotOf,
  streamed,
  streamsOf,
  usageOf,
} from './call';
import { chatLogprob } from './token-text';

interface Plan {
  readonly prompt: ServedPrompt;
  readonly count: number;
  readonly logprobs: number | undefined;
  readonly keeper: SlotKeeper;
  readonly request: TextRequest;
  readonly stream: boolean;
  readonly includesUsage: boolean;
}

/** What one event adds to a choice. */
interface Piece {
  readonly index: number;
  readonly text: string;
  readonly logprob: Record<string, unknown> | undefined;
  readonly finish: 'stop' | 'length' | null;
}

/** POST /v1/chat/completions. */
export async function chat(call: Call): Promise<Response> {
  checkModel(call);
  const plan = await planOf(call);
  const { name: model } = call.service.options;
  const head = { id: newId('chatcmpl-'), created: seconds(), model, system_fingerprint: null };
  const counts: Counts = { prompt: plan.prompt.ids.length, cached: 0, completion: 0 };
  const pieces = piecesOf(call.service, plan, counts, call.service.texts([plan.request]));
  if (plan.stream) return streamed(call, chunks({ ...head, object: 'chat.completion.chunk' }, pieces, plan, counts));
  const choices = await collected(plan, pieces);
  call.onEnd();
  return Response.json({ ...head, object: 'chat.completion', choices, usage: usageOf(counts) });
}

async function planOf(call: Call): Promise<Plan> {
  const { service, body, abort } = call;
  refuseUnserved(body);
  const messages = messagesOf(body.messages);
  const prompt = promptOf(service.model.tokenizer, messages, { tools: listIn(body, 'tools') });
  checkLength(call, prompt.ids, 'messages');
  const logprobs = chatLogprobs(body);
  const n = countOf(call, 1);
  const { maxTokens: most } = service.options;
  const range = { min: 1, isInteger: true };
  const wanted =
    numberIn(body, 'max_completion_tokens', range) ?? numberIn(body, 'max_tokens', range) ?? service.model.samplingDefaults?.maxTokens;
  const sampling = samplingOf(body, service.model, Math.min(most, wanted ?? most));
  const stop = [sampling.stop ?? []].flat().concat(prompt.stop);
  const options = { ...sampling, ...scoring(logprobs), ...(stop.length > 0 && { stop }), signal: abort.signal };
  const slot = await slotOf(call, prompt.ids);
  const request = { prompt: prompt.ids, options, count: n, borders: prompt.borders, ...slot.request };
  return { prompt, count: n, logprobs, request, keeper: new SlotKeeper(slot.id, prompt.ids), ...streamsOf(body) };
}

async function* piecesOf(
  service: Service,
  plan: Plan,
  counts: Counts,
  events: AsyncGenerator<PromptEvent, void, undefined>,
): AsyncGenerator<Piece, void, undefined> {
  const trims = Array.from({ length: plan.count }, () => startTrimmer(plan.prompt.trimsStart));
  for await (const { event } of events) {
    count(counts, event);
    await plan.keeper.see(service, event);
    if (event.type !== 'part') continue;
    const { row, part } = event;
    yield { index: row, text: trims[row]?.(part.text) ?? '', logprob: logprobOf(service, plan, part), finish: finishOf(part.finishReason) };
  }
}

const logprobOf = ({ model }: Service, { logprobs }: Plan, part: Part): Record<string, unknown> | undefined =>
  logprobs === undefined || part.token === undefined ? undefined : chatLogprob(model.tokenizer, part);

/** Leaves the space out that an answer begins with. */
export function startTrimmer(isWanted: boolean): (text: string) => string {
  let isAtStart = isWanted;
  return (text) => {
    const rest = isAtStart ? text.trimStart() : text;
    if (rest !== '') isAtStart = false;
    return rest;
  };
}

async function* chunks(
  head: object,
  pieces: AsyncGenerator<Piece, void, undefined>,
  plan: Plan,
  counts: Counts,
): AsyncGenerator<SseMessage, void, undefined> {
  const chunk = (index: number, delta: object, finish_reason: string | null, logprob?: object): SseMessage => {
    const logprobs = logprob ? { content: [logprob] } : null;
    return dataOf({ ...head, choices: [{ index, delta, logprobs, finish_reason }], ...(plan.includesUsage && { usage: null }) });
  };
  for (let index = 0; index < plan.count; index++) yield chunk(index, { role: 'assistant', content: '' }, null);
  for await (const { index, text, logprob, finish } of pieces) {
    if (text !== '' || logprob) yield chunk(index, { content: text }, null, logprob);
    if (finish !== null) yield chunk(index, {}, finish);
  }
  if (plan.includesUsage) yield dataOf({ ...head, choices: [], usage: usageOf(counts) });
  yield DONE;
}

async function collected({ count: n, logprobs }: Plan, pieces: AsyncGenerator<Piece, void, undefined>): Promise<unknown[]> {
  const choices = Array.from({ length: n }, () => ({ text: '', content: [] as unknown[], finish: null as string | null }));
  for await (const { index, text, logprob, finish } of pieces) {
    const choice = choices[index] as (typeof choices)[number];
    choice.text += text;
    if (logprob) choice.content.push(logprob);
    choice.finish = finish ?? choice.finish;
  }
  return choices.map(({ text, content, finish }, index) => ({
    index,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: logprobs === undefined ? null : { content, refusal: null },
    finish_reason: finish,
  }));
}
