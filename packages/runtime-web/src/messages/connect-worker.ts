import { SsmError } from '@densessm/ssm-core/plain';
import type { Commands, MessageEnd, ToPage, ToWorker } from './protocol';
import { fromSent } from './sent-error';

export interface CallOptions<Event = unknown> {
  /** Asks the worker to end; what comes of it is the command's own way to end. */
  signal?: AbortSignal;
  /** Hears what the command tells on the way. */
  onEvent?: (event: Event) => void;
  /** Buffers in the arguments that move to the worker instead of being copied: they are empty here afterwards. */
  transfer?: Transferable[];
}

/** The page's end. */
export interface WorkerConnection<C extends Commands> {
  /** Calls a command. @throws what the command threw in the worker, SsmError BACKEND where the worker ended */
  call<N extends keyof C & string>(name: N, args: C[N]['args'], options?: CallOptions<C[N]['event']>): Promise<C[N]['result']>;
  /**
   * Calls a command that waits between two events until it is asked for the next: nothing is computed that nobody takes, and breaking the loop
   * off cancels it. @throws as `call`
   */
  iterate<N extends keyof C & string>(
    name: N,
    args: C[N]['args'],
    options?: Pick<CallOptions, 'signal' | 'transfer'>,
  ): AsyncGenerator<C[N]['event'], C[N]['result'], undefined>;
  /** Every call that has no answer yet throws an SsmError BACKEND, and so does every later one. Ends a `Worker`. */
  dispose(): void;
}

interface Pending {
  onEvent(event: unknown): void;
  onResult(result: unknown): void;
  onError(error: unknown): void;
}

/**
 * Connects a page to a worker that `serveCommands` answers in. The worker's death is an error of every call.
 */
export function connectWorker<C extends Commands>(end: MessageEnd): WorkerConnection<C> {
  return new Connection<C>(end);
}

/** What came of a call and was not taken yet: the last event of a cancelled one and its result come together. */
class Steps implements Pending {
  readonly #waiting: ({ event: unknown } | { result: unknown } | { error: unknown })[] = [];
  #wake: () => void = () => undefined;
  /** Whether the worker has ended the call. */
  isOver = false;

  onEvent(event: unknown): void {
    this.#put({ event });
  }
  onResult(result: unknown): void {
    this.isOver = true;
    this.#put({ result });
  }
  onError(error: unknown): void {
    this.isOver = true;
    this.#put({ error });
  }

  async next(): Promise<{ event: unknown } | { result: unknown }> {
    while (this.#waiting.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const step = this.#waiting.shift() as { event: unknown } | { result: unknown } | { error: unknown };
    if ('error' in step) throw step.error;
    return step;
  }

  #put(step: { event: unknown } | { result: unknown } | { error: unknown }): void {
    this.#waiting.push(step);
    this.#wake();
  }
}

class Connection<C extends Commands> implements WorkerConnection<C> {
  readonly #end: MessageEnd;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  #isEnded: SsmError | undefined;

  constructor(end: MessageEnd) {
    this.#end = end;
    end.addEventListener('message', this.#hear);
    const asWorker = end as Partial<Worker>;
    asWorker.addEventListener?.('error', (event) => this.#fail(ended((event as ErrorEvent).message || 'its script could not be loaded')));
    asWorker.addEventListener?.('messageerror', () => this.#fail(ended('a message that could not be read')));
    end.start?.();
  }

  call<N extends keyof C & string>(name: N, args: C[N]['args'], options: CallOptions<C[N]['event']> = {}): Promise<C[N]['result']> {
    const { onEvent = () => undefined, ...others } = options;
    return new Promise((onResult, onError) => {
      this.#begin(name, args, others, false, { onEvent: onEvent as (event: unknown) => void, onResult, onError });
    });
  }

  async *iterate<N extends keyof C & string>(
    name: N,
    args: C[N]['args'],
    options: Pick<CallOptions, 'signal' | 'transfer'> = {},
  ): AsyncGenerator<C[N]['event'], C[N]['result'], undefined> {
    const steps = new Steps();
    const call = this.#begin(name, args, options, true, steps);
    try {
      for (;;) {
        const step = await steps.next();
        if ('result' in step) return step.result;
        yield step.event as C[N]['event'] as never;
        this.#post({ kind: 'ask', call });
      }
    } finally {
      if (!steps.isOver) this.#post({ kind: 'cancel', call });
    }
  }

  dispose(): void {
    this.#fail(ended('it was disposed of'));
    this.#end.removeEventListener('message', this.#hear);
    (this.#end as Partial<Worker>).terminate?.();
    (this.#end as Partial<MessagePort>).close?.();
  }

  #begin(name: string, args: unknown, { signal, transfer = [] }: CallOptions, isAsked: boolean, pending: Pending): number {
    const call = this.#calls++;
    if (this.#isEnded) {
      pending.onError(this.#isEnded);
      return call;
    }
    const cancel = (): void => this.#post({ kind: 'cancel', call });
    const done =
      <T>(then: (value: T) => void) =>
      (value: T): void => {
        signal?.removeEventListener('abort', cancel);
        this.#pending.delete(call);
        then(value);
      };
    this.#pending.set(call, {
      onEvent: (event) => pending.onEvent(event),
      onResult: done((result) => pending.onResult(result)),
      onError: done((error) => pending.onError(signal?.aborted && isAbort(error) ? signal.reason : error)),
    });
    try {
      this.#post({ kind: 'call', call, name, args, isAsked }, transfer);
    } catch (error) {
      this.#pending.get(call)?.onError(error);
    }
    signal?.addEventListener('abort', cancel);
    if (signal?.aborted) cancel();
    return call;
  }

  readonly #hear = ({ data }: MessageEvent): void => {
    const message = data as ToPage;
    const pending = this.#pending.get(message.call);
    if (message.kind === 'event') pending?.onEvent(message.event);
    else if (message.kind === 'result') pending?.onResult(message.result);
    else pending?.onError(fromSent(message.error));
  };

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    if (!this.#isEnded) this.#end.postMessage(message, transfer);
  }

  #fail(error: SsmError): void {
    this.#isEnded ??= error;
    for (const pending of [...this.#pending.values()]) pending.onError(error);
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

const ended = (got: string): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'The worker has ended.',
    expected: 'a worker that answers',
    got,
    fix: 'start another one; a run goes on from its last checkpoint',
  });
