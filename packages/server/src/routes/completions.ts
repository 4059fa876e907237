import type { Part, ServedEvent, TextRequest } from '@densessm/generate';
import { badField } from '../errors';
import { flagIn, given, isIds, numberIn } from '../fields';
import { legacyLogprobs, refuseUnserved, samplingOf, scoring } from '../sampling';
import { newId, type PromptEvent, seconds } from '../service';
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
import { type LegacyLogprobs, LegacyTable } from './token-text';

/** Tokens of an answer for which no number is asked. */
const DEFAULT_MAX_TOKENS = 16;

/** A choice while it is written. */
interface Choice {
  text: string;
  readonly rows: LegacyLogprobs;
  finish: 'stop' | 'length' | null;
}

/** What one event adds to a choice. */
interface Piece {
  readonly index: number;
  readonly text: string;
  readonly logprobs: LegacyLogprobs | null;
  readonly finish_reason: 'stop' | 'length' | null;
}

/** A request that was understood. */
interface Plan {
  readonly prompts: readonly (readonly number[])[];
  readonly count: number;
  readonly echo: boolean;
  readonly logprobs: number | undefined;
  readonly isOnlyRead: boolean;
  readonly keeper: SlotKeeper;
  readonly requests: readonly TextRequest[];
  readonly stream: boolean;
  readonly includesUsage: boolean;
}

/** POST /v1/completions. */
export async function completions(call: Call): Promise<Response> {
  checkModel(call);
  const plan = await planOf(call);
  const head = { id: newId('cmpl-'), object: 'text_completion', created: seconds(), model: call.service.options.name };
  const counts: Counts = { prompt: plan.prompts.reduce((total, { length }) => total + length, 0), cached: 0, completion: 0 };
  const pieces = piecesOf(call, plan, counts, call.service.texts(plan.requests));
  if (plan.stream) return streamed(call, chunks(head, pieces, plan, counts));
  const choices = await collected(plan, pieces);
  call.onEnd();
  return Response.json({ ...head, choices, usage: usageOf(counts) });
}

async function planOf(call: Call): Promise<Plan> {
  const { service, body, abort } = call;
  const prompts = promptsOf(call);
  for (const ids of prompts) checkLength(call, ids, 'prompt');
  refuseUnserved(body);
  const count = countOf(call, prompts.length);
  const echo = flagIn(body, 'echo');
  const logprobs = legacyLogprobs(body);
  const { maxTokens: most } = service.options;
  const wanted =
    numberIn(body, 'max_tokens', { min: 0, isInteger: true }) ?? service.model.samplingDefaults?.maxTokens ?? DEFAULT_MAX_TOKENS;
  const isOnlyRead = wanted === 0;
  const options = { ...samplingOf(body, service.model, Math.min(most, Math.max(1, wanted))), ...scoring(logprobs), signal: abort.signal };
  const slot = await slotOf(call, prompts[0] as readonly number[]);
  if (slot.id !== undefined && prompts.length > 1) throw badField('id_slot', 'absent where there are several prompts');
  const requests = prompts.map((prompt) => ({
    ...{ prompt, options, count, isOnlyRead },
    ...(echo && logprobs !== undefined ? { promptScores: logprobs } : slot.request),
  }));
  return { prompts, count, echo, logprobs, isOnlyRead, requests, keeper: new SlotKeeper(slot.id, prompts[0] ?? []), ...streamsOf(body) };
}

/** The prompts as token ids. An empty text is read as the token that begins or ends one. */
function promptsOf({ service, body }: Call): number[][] {
  const { tokenizer } = service.model;
  const value = given(body, 'prompt') ?? '';
  const list: readonly unknown[] = !Array.isArray(value) || (value.length > 0 && isIds(value)) ? [value] : value;
  const { bos, eos } = tokenizer.specialIds;
  const prompts = list.map((one) => {
    if (typeof one !== 'string') return isIds(one) ? one : undefined;
    const ids = tokenizer.encode(one);
    const first = bos ?? eos;
    return ids.length === 0 && first !== null ? [first] : ids;
  });
  if (prompts.length > 0 && prompts.every((ids): ids is number[] => ids !== undefined && ids.length > 0)) return prompts;
  throw badField('prompt', 'a string, a list of strings, a list of token ids or a list of such lists, none of them empty');
}

async function* piecesOf(
  call: Call,
  plan: Plan,
  counts: Counts,
  events: AsyncGenerator<PromptEvent, void, undefined>,
): AsyncGenerator<Piece, void, undefined> {
  const { tokenizer } = call.service.model;
  const tables = new Map<number, LegacyTable>();
  for await (const { prompt, event } of events) {
    count(counts, event);
    await plan.keeper.see(call.service, event);
    if (event.type === 'state') continue;
    const rows = event.type === 'part' ? [event.row] : Array.from({ length: plan.count }, (_, row) => row);
    for (const row of rows) {
      const index = prompt * plan.count + row;
      const table = tables.get(index) ?? new LegacyTable(tokenizer);
      tables.set(index, table);
      if (event.type === 'part') yield partPiece(plan, index, table, event.part);
      else if (plan.echo || plan.isOnlyRead) yield echoPiece(call, plan, index, table, prompt, event);
    }
  }
}

function partPiece({ logprobs }: Plan, index: number, table: LegacyTable, part: Part): Piece {
  const finish_reason = finishOf(part.finishReason);
  const rows = logprobs !== undefined && part.token !== undefined ? table.rows([[part.token, part]]) : null;
  return { index, text: part.text, logprobs: rows, finish_reason };
}

/** The prompt before its text, with its scores. */
function echoPiece(call: Call, plan: Plan, index: number, table: LegacyTable, prompt: number, event: ServedEvent): Piece {
  const { tokenizer } = call.service.model;
  const ids = plan.echo ? (plan.prompts[prompt] as readonly number[]) : [];
  const scores = event.type === 'prompt' ? event.scores : [];
  const text = tokenizer.decode(ids, { unknownIds: 'skip' });
  const rows = plan.logprobs === undefined ? null : table.rows(ids.map((id, i) => [id, scores[i - 1]]));
  return { index, text, logprobs: rows, finish_reason: plan.isOnlyRead ? 'length' : null };
}

async function* chunks(
  head: object,
  pieces: AsyncGenerator<Piece, void, undefined>,
  plan: Plan,
  counts: Counts,
): AsyncGenerator<SseMessage, void, undefined> {
  for await (const piece of pieces) {
    if (piece.text === '' && piece.finish_reason === null && piece.logprobs === null) continue;
    yield dataOf({ ...head, choices: [piece], ...(plan.includesUsage && { usage: null }) });
  }
  if (plan.includesUsage) yield dataOf({ ...head, choices: [], usage: usageOf(counts) });
  yield DONE;
}

async function collected(plan: Plan, pieces: AsyncGenerator<Piece, void, undefined>): Promise<unknown[]> {
  const choices: Choice[] = Array.from({ length: plan.prompts.length * plan.count }, () => ({
    text: '',
    rows: { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] },
    finish: null,
  }));
  for await (const { index, text, logprobs, finish_reason } of pieces) {
    const choice = choices[index] as Choice;
    choice.text += text;
    choice.finish = finish_reason ?? choice.finish;
    for (const name of Object.keys(logprobs ?? {}) as (keyof LegacyLogprobs)[])
      (choice.rows[name] as unknown[]).push(...(logprobs?.[name] ?? []));
  }
  const told = plan.logprobs !== undefined;
  return choices.map(({ text, rows, finish }, index) => ({ text, index, logprobs: told ? rows : null, finish_reason: finish }));
}
