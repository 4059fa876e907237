/** The text of the room Talk: a prompt, what came after it, and how it came. */
import type { TextOptions } from 'densessm';
import type { TimedPart, WorkerModel } from 'densessm/web';
import { engine } from '../../state/engine.svelte';
import { speed } from '../../state/speed.svelte';
import { isAbort, type Trouble, troubleOf } from '../../state/troubles';
import { beginWork } from '../../state/work';
import { settings } from './settings.svelte';

export interface Candidate {
  readonly token: number;
  readonly text: string;
  readonly logprob: number;
}
export interface Piece {
  readonly token: number;
  readonly text: string;
  readonly logprob: number;
  readonly others: readonly Candidate[];
}

const FIRST_PROMPT = 'Once there was a';
/** Of a prompt, in an address. */
const MOST_CHARACTERS = 1500;
let prompt = $state(FIRST_PROMPT);
let pieces = $state.raw<readonly Piece[]>([]);
let isWriting = $state(false);
let isReading = $state(false);
let promptTokens = $state(0);
let seed = $state<number | undefined>();
let ending = $state<string | undefined>();
let trouble = $state.raw<Trouble | undefined>();
let stopper: AbortController | undefined;
/** Texts of candidates, which a token does not bring along. */
const names = new Map<number, string>();
let namesOf: WorkerModel | undefined;

const ENDINGS: Readonly<Record<string, string>> = {
  length: 'Reached the token limit.',
  eos: 'The model ended its text.',
  stop: 'Ended at a stop word.',
  aborted: 'Stopped.',
};

async function nameAll(model: WorkerModel, ids: readonly number[]): Promise<void> {
  if (namesOf !== model) names.clear();
  namesOf = model;
  const missing = [...new Set(ids)].filter((id) => !names.has(id));
  const texts = await Promise.all(missing.map((id) => model.decode([id])));
  for (const [i, id] of missing.entries()) names.set(id, texts[i] ?? '');
}

/** The likeliest tokens of a part, however the engine names them. */
const likeliest = (part: TimedPart): readonly { token: number; logprob: number }[] => part.topLogprobs ?? [];

/** One after the other: texts of candidates are asked for beside the stream, pieces come in order. */
async function receive(stream: AsyncGenerator<TimedPart, void, undefined>, started: readonly Piece[]): Promise<void> {
  let [first, last, drawn] = [0, 0, 0];
  for await (const part of stream) {
    isReading = false;
    if (part.promptTokens !== undefined) [promptTokens, first] = [part.promptTokens - started.length, part.seconds];
    last = part.seconds;
    if (part.token !== undefined) {
      drawn++;
      const top = likeliest(part);
      pieces = [
        ...pieces,
        {
          token: part.token,
          text: part.text,
          logprob: part.logprob ?? Number.NaN,
          others: top.map(({ token, logprob }) => ({ token, logprob, text: '' })),
        },
      ];
    } else if (part.text) pieces = [...pieces, { token: -1, text: part.text, logprob: Number.NaN, others: [] }];
    if (part.finishReason) ending = ENDINGS[part.finishReason];
  }
  speed.note(promptTokens + started.length, first, drawn, last);
}

/** Goes on from the prompt and the pieces that are kept. */
async function write(kept: readonly Piece[], extra: Partial<TextOptions> = {}): Promise<void> {
  if (isWriting) return;
  stopper = new AbortController();
  const done = beginWork(stop);
  [isWriting, isReading, trouble, ending, pieces] = [true, true, undefined, undefined, kept];
  let isOvercome = false;
  try {
    const model = await engine.ready(stopper.signal);
    if (!model) return;
    const drawnBefore = kept.filter(({ token }) => token >= 0).map(({ token }) => token);
    const text = prompt === '' ? '\n' : prompt;
    const ids = drawnBefore.length > 0 ? [...(await model.encode(text)), ...drawnBefore] : text;
    const options = settings.options();
    seed = options.seed;
    await receive(model.streamTokens(ids, { ...options, ...extra, topLogprobs: 5, signal: stopper.signal }), kept);
  } catch (error) {
    if (isAbort(error)) ending = ENDINGS.aborted;
    else {
      isOvercome = await engine.overcome(error);
      if (!isOvercome) trouble = troubleOf(error);
    }
  } finally {
    done();
    [isWriting, isReading] = [false, false];
  }
  if (isOvercome) await write(pieces, extra);
}

function stop(): void {
  stopper?.abort();
}

/** What the address says of the prompt and of how tokens are drawn; nothing of what is as at the start, or too long. */
function address(): Record<string, string> {
  const isNoted = prompt !== FIRST_PROMPT && prompt.length <= MOST_CHARACTERS;
  return { ...(isNoted && { prompt }), ...settings.address() };
}

/** Takes over what an address says. */
function take(query: URLSearchParams): void {
  settings.take(query);
  const asked = query.get('prompt');
  if (asked !== null && asked !== prompt && !isWriting) writing.prompt = asked;
}

/** The candidates of a place, with their texts. */
async function candidatesAt(index: number): Promise<readonly Candidate[]> {
  const [model, piece] = [engine.model, pieces[index]];
  if (!model || !piece) return [];
  await nameAll(
    model,
    piece.others.map(({ token }) => token),
  );
  return piece.others.map((one) => ({ ...one, text: names.get(one.token) ?? '' }));
}

export const writing = {
  get prompt(): string {
    return prompt;
  },
  set prompt(text: string) {
    prompt = text;
    if (pieces.length > 0 && !isWriting) [pieces, ending] = [[], undefined];
  },
  get pieces(): readonly Piece[] {
    return pieces;
  },
  get isWriting(): boolean {
    return isWriting;
  },
  get isReading(): boolean {
    return isReading;
  },
  get seed(): number | undefined {
    return seed;
  },
  get ending(): string | undefined {
    return ending;
  },
  get trouble(): Trouble | undefined {
    return trouble;
  },
  /** Tokens that the model has read and written. */
  get length(): number {
    return promptTokens + pieces.length;
  },
  get text(): string {
    return prompt + pieces.map(({ text }) => text).join('');
  },
  start: (): Promise<void> => write([]),
  goOn: (): Promise<void> => write(pieces),
  stop,
  get address(): Record<string, string> {
    return address();
  },
  take,
  candidatesAt,
  /** Takes another token at a place, and writes on from there. */
  fork(index: number, candidate: Candidate): Promise<void> {
    stop();
    const piece: Piece = { ...candidate, others: pieces[index]?.others ?? [] };
    return write([...pieces.slice(0, index), piece]);
  },
};
