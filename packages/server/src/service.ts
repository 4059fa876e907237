import { QueueFullError, Scheduler, type ServedEvent, type TextRequest } from '@densessm/generate';
import { ApiError } from './errors';
import { Metrics } from './metrics';
import type { CheckedOptions } from './options';
import type { ServedModel } from './served-model';
import { StoredPrefixes } from './states/prefix-cache';
import { Slots } from './states/slots';
import { StateStore } from './states/state-store';

/** An event of one of the prompts of a request. */
export interface PromptEvent {
  readonly prompt: number;
  readonly event: ServedEvent;
}

/** Prompts of one request that are read or generated at once: more would leave no slots to others. */
const AT_ONCE = 4;

/** A model that is served: all that the routes share. */
export class Service {
  readonly model: ServedModel;
  readonly options: CheckedOptions;
  readonly metrics = new Metrics();
  readonly store: StateStore;
  readonly slots: Slots;
  readonly created = seconds();
  readonly #scheduler: Scheduler;

  constructor(model: ServedModel, options: CheckedOptions) {
    this.model = model;
    this.options = options;
    this.store = new StateStore(model, options.cacheBytes, options.folder, options.onError);
    this.slots = new Slots(this.store, options.slots);
    const { slots, maxWaiting } = options;
    this.#scheduler = new Scheduler(model, { slots, maxWaiting, cache: new StoredPrefixes(this.store) });
  }

  get metricsText(): string {
    return this.metrics.text(this.#scheduler.counts, this.store.bytes, this.store.count);
  }

  close(): Promise<void> {
    return this.#scheduler.close();
  }

  /**
   * Begins to serve a request of one or more prompts and gives what happens to each.
   * @throws ApiError 429 where the queue is full
   */
  texts(requests: readonly TextRequest[]): AsyncGenerator<PromptEvent, void, undefined> {
    const [first, ...rest] = requests;
    const begin = (request: TextRequest, prompt: number): Source => ({ prompt, events: this.#scheduler.submit(request) });
    try {
      const open = [begin(first as TextRequest, 0)];
      this.metrics.requests++;
      const further = rest.map((request, i) => () => begin({ ...request, isFurther: true }, i + 1));
      return this.#counted(requests, merged(open, further));
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error;
      this.metrics.refused++;
      const wait = { 'retry-after': String(this.#retryAfter()) };
      throw new ApiError(429, 'Too many requests wait already; try again later.', {
        type: 'rate_limit_error',
        code: 'rate_limit_exceeded',
        headers: wait,
      });
    }
  }

  async *#counted(
    requests: readonly TextRequest[],
    events: AsyncGenerator<PromptEvent, void, undefined>,
  ): AsyncGenerator<PromptEvent, void, undefined> {
    const start = performance.now();
    let read = start;
    try {
      for await (const one of events) {
        if (one.event.type === 'prompt') {
          read = performance.now();
          this.metrics.seePrompt(requests[one.prompt] as TextRequest, one.event.cachedTokens);
        } else if (one.event.type === 'part' && one.event.part.token !== undefined) this.metrics.predictedTokens++;
        yield one;
      }
    } finally {
      this.metrics.promptSeconds += (read - start) / 1000;
      this.metrics.predictedSeconds += (performance.now() - read) / 1000;
    }
  }

  /** Seconds until some of those who wait should have been served: as long as a request took on average, for each round of the slots. */
  #retryAfter(): number {
    const { promptSeconds, predictedSeconds, requests } = this.metrics;
    const rounds = this.#scheduler.counts.waiting / this.options.slots;
    return Math.min(60, Math.max(1, Math.ceil((rounds * (promptSeconds + predictedSeconds)) / Math.max(1, requests))));
  }
}

interface Source {
  readonly prompt: number;
  readonly events: AsyncGenerator<ServedEvent, void, undefined>;
}

/** The events of several sources in the order of their arrival; a limited number of sources is open at a time. Ending it early ends all of them. */
async function* merged(open: Source[], further: (() => Source)[]): AsyncGenerator<PromptEvent, void, undefined> {
  type Step = { readonly source: Source; readonly result: IteratorResult<ServedEvent, void> };
  const step = (source: Source): Promise<Step> => source.events.next().then((result) => ({ source, result }));
  const pending = new Map<Source, Promise<Step>>();
  try {
    while (pending.size < AT_ONCE && further.length > 0 && open.length < AT_ONCE) open.push((further.shift() as () => Source)());
    for (const source of open) pending.set(source, step(source));
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values());
      pending.delete(source);
      if (!result.done) {
        pending.set(source, step(source));
        yield { prompt: source.prompt, event: result.value };
        continue;
      }
      const next = further.shift()?.();
      if (next) pending.set(next, step(next));
    }
  } finally {
    for (const [source, next] of pending) {
      next.catch(() => undefined); // another one's error is told already
      void source.events.return();
    }
  }
}

/** Seconds since 1970, as the API counts time. */
export const seconds = (): number => Math.floor(Date.now() / 1000);

/** An id as the API has them. */
export const newId = (prefix: string): string => `${prefix}${crypto.randomUUID().replaceAll('-', '')}`;
