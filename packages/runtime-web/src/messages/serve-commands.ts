import { SsmError } from '@densessm/ssm-core/plain';
import type { Commands, MessageEnd, ToPage, ToWorker } from './protocol';
import { toSent } from './sent-error';

/** What a command may use beside its arguments. */
export interface CommandCall<Event> {
  /** Aborted when the page cancels. */
  readonly signal: AbortSignal;
  /** Tells the page something. Where the page iterates, resolves when it asks for the next, or cancels; else at once. */
  readonly tell: (event: Event, transfer?: Transferable[]) => Promise<void>;
  /** Buffers in the result that move to the page instead of being copied. */
  readonly transfer: Transferable[];
}

export type CommandHandlers<C extends Commands> = {
  readonly [N in keyof C]: (args: C[N]['args'], call: CommandCall<C[N]['event']>) => C[N]['result'] | Promise<C[N]['result']>;
};

/**
 * Answers the commands of a page in a worker. Commands begin in the order in which they come; whether one waits for another is its own affair.
 */
export function serveCommands<C extends Commands>(end: MessageEnd, handlers: CommandHandlers<C>): void {
  const running = new Map<number, RunningCall>();
  const post = (message: ToPage, transfer: Transferable[] = []): void => end.postMessage(message, transfer);
  end.addEventListener('message', ({ data }) => {
    const message = data as ToWorker;
    if (message.kind === 'ask') running.get(message.call)?.ask();
    else if (message.kind === 'cancel') running.get(message.call)?.cancel();
    else if (message.kind === 'call') {
      const call = new RunningCall(message, post);
      running.set(message.call, call);
      void run(message, handlers, call, post).finally(() => running.delete(message.call));
    }
  });
  end.start?.();
}

async function run<C extends Commands>(
  { call: id, name, args }: ToWorker & { kind: 'call' },
  handlers: CommandHandlers<C>,
  call: RunningCall,
  post: (message: ToPage, transfer?: Transferable[]) => void,
): Promise<void> {
  try {
    if (!Object.hasOwn(handlers, name)) throw unknownCommand(name, Object.keys(handlers));
    const result = await handlers[name]?.(args, call);
    post({ kind: 'result', call: id, result }, call.transfer);
  } catch (error) {
    post({ kind: 'error', call: id, error: toSent(error) });
  }
}

class RunningCall implements CommandCall<unknown> {
  readonly transfer: Transferable[] = [];
  readonly #id: number;
  readonly #isAsked: boolean;
  readonly #post: (message: ToPage, transfer?: Transferable[]) => void;
  readonly #abort = new AbortController();
  #goOn: () => void = () => undefined;

  constructor({ call, isAsked }: ToWorker & { kind: 'call' }, post: (message: ToPage, transfer?: Transferable[]) => void) {
    this.#id = call;
    this.#isAsked = isAsked;
    this.#post = post;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** A property, so that handlers may take it apart. */
  readonly tell = (event: unknown, transfer: Transferable[] = []): Promise<void> => {
    this.#post({ kind: 'event', call: this.#id, event }, transfer);
    if (!this.#isAsked || this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  };

  ask(): void {
    this.#goOn();
  }

  cancel(): void {
    this.#abort.abort(new DOMException('The page cancelled the command.', 'AbortError'));
    this.#goOn();
  }
}

const unknownCommand = (name: string, known: readonly string[]): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `The worker knows no command ${JSON.stringify(name)}.`,
    expected: known.join(', '),
    got: name,
    fix: 'use the same version in the page and in the worker',
  });
