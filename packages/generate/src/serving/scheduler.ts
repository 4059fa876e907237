import { disposeTree, isDeviceLoss } from '@densessm/ssm-core';
import { bundleAfter, type ModelBundle } from '../bundle';
import { refuseBeams } from '../generate';
import { number, planGeneration } from '../options';
import { pause } from '../reading/pause';
import { cloneState } from '../reading/rows';
import { DecodeGroup } from './decode-group';
import { abortLane, drawFor, type Lane, type LaneOwner, type ServedEvent } from './lane';
import type { PromptReading } from './prompt-reading';
import { type Reader, readAgain, readPrompt } from './readers';
import { saveState } from './saved-state';
import {
  closed,
  emptyPrompt,
  type PrefixCache,
  QueueFullError,
  rowsWithOwnBits,
  type SchedulerCounts,
  type SchedulerOptions,
} from './scheduler-options';
import { nextSeat, type Ready } from './seats';
import { openRows } from './text-rows';
import { type TextRequest, Ticket } from './ticket';

const COUNT = (fallback: number) => ({ fallback, min: 1, whole: true });

/**
 * Shares one model among many requests: texts join and leave its steps between two tokens, and prompts are read in chunks between the
 * tokens of others, one chunk of each prompt in turn, in two thirds of the time at most. A text's prompt is read by itself and its decoder's rows are independent,
 * so it does not depend on who else is served. Where the model's device is lost and the bundle can be loaded again, texts are read again up to where they were,
 * and go on. Owns memory: close it.
 */
export class Scheduler {
  #bundle: ModelBundle;
  readonly #options: { readonly slots: number; readonly groupSize: number; readonly maxWaiting: number; readonly promptChunk: number };
  readonly #cache: PrefixCache | undefined;
  #waiting: Ticket[] = [];
  #readers: Reader[] = [];
  #ready: Ready[] = [];
  #groups: DecodeGroup[] = [];
  /** Milliseconds of steps that texts are to have before the next chunk of a prompt. */
  #owedMs = 0;
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** @throws SsmError OPTION */
  constructor(bundle: ModelBundle, { cache, ...options }: SchedulerOptions = {}) {
    this.#bundle = bundle;
    this.#cache = cache;
    this.#options = {
      slots: number('Scheduler', 'slots', options.slots, COUNT(8)),
      groupSize: number('Scheduler', 'groupSize', options.groupSize, COUNT(rowsWithOwnBits(bundle))),
      maxWaiting: number('Scheduler', 'maxWaiting', options.maxWaiting, COUNT(64)),
      promptChunk: number('Scheduler', 'promptChunk', options.promptChunk, COUNT(128)),
    };
  }

  get counts(): SchedulerCounts {
    const lanes = this.#texts;
    const tickets = new Set([...lanes.map(({ ticket }) => ticket), ...this.#readers.map(({ ticket }) => ticket)]);
    return { active: tickets.size, waiting: this.#waiting.length, texts: lanes.length };
  }

  /**
   * Takes a request; its events come as they happen, and breaking the loop off cancels it.
   * @throws QueueFullError; SsmError OPTION, TOKENS; STATE after {@link Scheduler.close}
   */
  submit(request: TextRequest): AsyncGenerator<ServedEvent, void, undefined> {
    if (this.#isClosed) throw closed();
    const plan = planGeneration('Scheduler', this.#bundle, request.options ?? {});
    refuseBeams('Scheduler', plan);
    if (request.prompt.length === 0) throw emptyPrompt();
    if (this.#waiting.length >= this.#options.maxWaiting && !request.isFurther)
      throw new QueueFullError(`${this.#waiting.length} requests wait already`);
    const ticket = new Ticket(request, plan);
    this.#waiting.push(ticket);
    this.#running ??= this.#run();
    return ticket.events();
  }

  /** Lets the texts that were begun or wait come to their end, takes no more, and frees the memory. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    for (const group of this.#groups.splice(0)) group.dispose();
  }

  async #run(): Promise<void> {
    await pause(); // so that requests of one moment begin together
    try {
      while (this.#waiting.length + this.#readers.length + this.#texts.length > 0)
        await this.#turn().catch((error: unknown) => this.#moveFrom(error));
    } finally {
      this.#running = undefined;
    }
  }

  async #turn(): Promise<void> {
    this.#sweep();
    await this.#admit();
    const hasTexts = this.#seated.length > 0;
    if (!hasTexts || this.#owedMs <= 0) this.#owedMs = SHARE_OF_TEXTS * (await timeOf(() => this.#readChunk()));
    await this.#seat();
    this.#owedMs -= await timeOf(async () => {
      for (const group of [...this.#groups]) await this.#stepOf(group);
    });
    await pause();
  }

  /** Texts that take steps. */
  get #seated(): Lane[] {
    return this.#groups.flatMap(({ lanes }) => lanes);
  }

  /** Those, and the ones that wait for a place. */
  get #texts(): Lane[] {
    return [...this.#seated, ...this.#ready.map(({ lane }) => lane)];
  }

  /** Lets go of whatever nobody waits for any longer. */
  #sweep(): void {
    const isGone = ({ ticket }: { ticket: { isCancelled: boolean } }): boolean => ticket.isCancelled;
    for (const ticket of this.#waiting.filter(({ isCancelled }) => isCancelled)) this.#abort(ticket);
    for (const reader of this.#readers.filter(isGone)) {
      reader.reading.dispose();
      if (reader.lane) abortLane(reader.lane);
      else this.#abort(reader.ticket);
    }
    for (const { lane, state } of this.#ready.filter(({ lane }) => isGone(lane))) {
      disposeTree(state);
      abortLane(lane);
    }
    for (const group of this.#groups) {
      for (const lane of group.lanes.filter(isGone)) abortLane(lane);
      group.drop(isGone);
    }
    this.#waiting = this.#waiting.filter(({ isCancelled }) => !isCancelled);
    this.#readers = this.#readers.filter((reader) => !isGone(reader));
    this.#ready = this.#ready.filter(({ lane }) => !isGone(lane));
  }

  #abort(ticket: Ticket): void {
    for (let row = 0; row < (ticket.request.count ?? 1); row++) abortLane(ticket.lane(this.#bundle, row));
  }

  /** Begins to read for those who came first, while each request can have a slot, however many texts it asks for. */
  async #admit(): Promise<void> {
    while (this.#waiting.length > 0 && this.counts.active < this.#options.slots) {
      const ticket = this.#waiting.shift() as Ticket;
      try {
        this.#readers.push(await this.#readerOf(ticket));
      } catch (error) {
        if (this.#canMove(error)) this.#waiting.unshift(ticket);
        this.#fail(ticket, error);
      }
    }
  }

  #readerOf(ticket: Ticket, lane?: Lane): Promise<Reader> | Reader {
    const { promptChunk: chunk } = this.#options;
    return lane ? readAgain(this.#bundle, ticket, { lane, chunk }) : readPrompt(this.#bundle, ticket, { cache: this.#cache, chunk });
  }

  /** One chunk of the prompt whose turn it is. */
  async #readChunk(): Promise<void> {
    const reader = this.#readers.shift();
    if (!reader) return;
    const { reading, ticket } = reader;
    try {
      await reading.step();
      if (reading.isAtBorder && !reading.isDone && !reader.lane) await this.#keep(reader);
      if (!reading.isDone) this.#readers.push(reader);
      else if (reader.lane) this.#goOn(reader.lane, reading);
      else this.#begin(reader);
    } catch (error) {
      if (this.#canMove(error)) this.#readers.push(reader);
      else reading.dispose();
      this.#fail(ticket, error);
    }
  }

  /** Keeps the state at the first border, where a system message ends, and at the last two, where a conversation goes on. */
  async #keep({ reading, ticket }: Reader): Promise<void> {
    const { prompt, borders = [], from } = ticket.request;
    const place = borders.indexOf(reading.place);
    if (!this.#cache || from || (place > 0 && place < borders.length - 2)) return;
    const state = reading.state();
    const prefix = prompt.slice(0, reading.place);
    const history = { count: prefix.length, recent: [], drawn: 0 };
    await this.#cache.keep(prefix, await saveState(state, history).finally(() => disposeTree(state)));
  }

  #goOn(lane: Lane, reading: PromptReading): void {
    this.#ready.push({ lane, state: reading.state() });
    reading.dispose();
  }

  /** Draws the first token of each text. */
  #begin({ reading, ticket, cachedTokens }: Reader): void {
    const { count = 1, isOnlyRead } = ticket.request;
    ticket.emit({ type: 'prompt', cachedTokens, scores: reading.scores });
    const state = reading.state();
    const { logits } = reading;
    reading.dispose();
    try {
      if (isOnlyRead) ticket.end();
      for (let row = 0; row < count && !isOnlyRead; row++) {
        const lane = ticket.lane(this.#bundle, row);
        if (drawFor(lane, logits)) this.#ready.push({ lane, state: cloneState(state) });
      }
    } finally {
      disposeTree(state);
    }
  }

  /** Gives those who are ready a place in a group, as slots allow, each request in turn. */
  async #seat(): Promise<void> {
    for (;;) {
      const seat = nextSeat(this.#ready, this.#seated, this.#options.slots);
      if (!seat) return;
      const { next, from } = seat;
      if (from) this.#park(from);
      try {
        await this.#place(next);
      } catch (error) {
        this.#fail(next.lane.ticket, error);
      }
      this.#ready = this.#ready.filter((one) => one !== next);
      disposeTree(next.state);
    }
  }

  /** Takes a text out of its group; it goes on before others of its request that have not begun. */
  #park(lane: Lane): void {
    const group = this.#groups.find(({ lanes }) => lanes.includes(lane)) as DecodeGroup;
    try {
      this.#ready.unshift({ lane, state: group.takeOut(lane) });
    } catch (error) {
      this.#failGroup(group, error);
    }
  }

  async #place({ lane, state }: Ready): Promise<void> {
    for (const group of this.#groups) if (group.admits(state) && (await group.join(lane, state))) return;
    const group = new DecodeGroup(await openRows(this.#bundle, this.#options.groupSize));
    this.#groups.push(group);
    await group.join(lane, state);
  }

  async #stepOf(group: DecodeGroup): Promise<void> {
    if (group.lanes.length > 0) await group.step().catch((error: unknown) => this.#failGroup(group, error));
    // the last group keeps its decoder and packed weights for the next text
    if (group.lanes.length === 0 && this.#groups.length > 1) this.#remove(group);
  }

  #failGroup(group: DecodeGroup, error: unknown): void {
    for (const { ticket } of group.lanes) this.#fail(ticket, error);
    this.#remove(group);
  }

  #canMove(error: unknown): boolean {
    return isDeviceLoss(error) && this.#bundle.reloadable !== undefined;
  }

  /** Ends a request with an error. @throws the error where all texts may go on after it on another device */
  #fail(ticket: LaneOwner, error: unknown): void {
    if (this.#canMove(error)) throw error;
    ticket.fail(error);
  }

  /** Loads the model again after its device was lost: what is under way is read again up to where it was. Without another device all of it fails. */
  async #moveFrom(error: unknown): Promise<void> {
    const under = [...this.#texts.map((lane) => ({ ticket: lane.ticket as Ticket, lane })), ...this.#readers];
    for (const group of this.#groups.splice(0)) group.dispose();
    for (const { state } of this.#ready.splice(0)) disposeTree(state);
    for (const { reading } of this.#readers.splice(0)) reading.dispose();
    try {
      this.#bundle = await bundleAfter(error, this.#bundle);
      for (const { ticket, lane } of under) this.#readers.push(await this.#readerOf(ticket, lane));
    } catch (cause) {
      for (const { ticket } of under) ticket.fail(cause);
      for (const { reading } of this.#readers.splice(0)) reading.dispose();
    }
  }

  #remove(group: DecodeGroup): void {
    group.dispose();
    this.#groups = this.#groups.filter((one) => one !== group);
  }
}

/** Time of the steps of texts beside that of prompts, while there are both: texts go on at no less than a third of their speed. */
const SHARE_OF_TEXTS = 0.5;

/** Milliseconds. */
async function timeOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
