import type { Session, SessionMark } from '@densessm/generate';
import type { CommandHandlers } from '@densessm/runtime-web/messages';
import type { EngineCommands, OpenedSession } from './commands';
import { Handles } from './handles';
import type { WorkerModels } from './models';
import { OneAtATime } from './one-at-a-time';
import { timed, wholeOf } from './timed-text';

type SessionCommands = Pick<
  EngineCommands,
  | 'session'
  | 'restoreSession'
  | 'append'
  | 'sessionGenerate'
  | 'sessionStream'
  | 'fork'
  | 'mark'
  | 'rewind'
  | 'disposeMark'
  | 'snapshot'
  | 'disposeSession'
>;

/** A session, and what is being done with it. */
class Entry {
  readonly session: Session;
  readonly marks = new Handles<SessionMark>('mark');
  readonly #queue = new OneAtATime();
  /** Whether a stream waits for the page: then the session may be forked, marked and saved at once. */
  isBetweenParts = false;

  constructor(session: Session) {
    this.session = session;
  }

  /** Does something after all that was asked for before. */
  inOrder<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#queue.run(work);
  }

  /** The same for what leaves the session as it is. */
  look<T>(work: () => T | Promise<T>): Promise<T> {
    return this.isBetweenParts ? Promise.resolve(work()) : this.inOrder(work);
  }
}

/** The sessions of a worker. */
export class WorkerSessions {
  readonly #handles = new Handles<Entry>('session');
  readonly #models: WorkerModels;

  constructor(models: WorkerModels) {
    this.#models = models;
  }

  #open(session: Session): OpenedSession {
    const { tokenCount, stateBytes } = session;
    return { session: this.#handles.add(new Entry(session)), tokenCount, stateBytes };
  }

  readonly handlers: CommandHandlers<SessionCommands> = {
    session: ({ model, options }) => this.#open(this.#models.get(model).session(options)),
    restoreSession: async ({ model, snapshot }) => this.#open(await this.#models.get(model).restoreSession(snapshot)),
    append: ({ session, prompt }, { signal }) => {
      const entry = this.#handles.get(session);
      return entry.inOrder(async () => {
        await entry.session.append(prompt, { signal });
        return { tokenCount: entry.session.tokenCount };
      });
    },
    sessionGenerate: ({ session, options }, { signal }) => {
      const entry = this.#handles.get(session);
      return entry.inOrder(async () => {
        const [began, before] = [performance.now(), entry.session.tokenCount];
        const parts = [];
        for await (const part of timed(entry.session.stream({ ...options, signal }), before)) parts.push(part);
        const text = wholeOf(parts, before, options.seed, (performance.now() - began) / 1000);
        return { text, tokenCount: entry.session.tokenCount };
      });
    },
    sessionStream: ({ session, options }, { signal, tell }) => {
      const entry = this.#handles.get(session);
      return entry.inOrder(async () => {
        for await (const part of timed(entry.session.stream({ ...options, signal }), entry.session.tokenCount)) {
          entry.isBetweenParts = true;
          await tell({ part, tokenCount: entry.session.tokenCount });
          entry.isBetweenParts = false;
        }
      });
    },
    fork: ({ session }) => {
      const entry = this.#handles.get(session);
      return entry.look(() => this.#open(entry.session.fork()));
    },
    mark: ({ session }) => {
      const entry = this.#handles.get(session);
      return entry.look(() => {
        const mark = entry.session.mark();
        return { mark: entry.marks.add(mark), tokenCount: mark.tokenCount };
      });
    },
    rewind: ({ session, mark }) => {
      const entry = this.#handles.get(session);
      return entry.inOrder(() => {
        entry.session.rewind(entry.marks.get(mark));
        return { tokenCount: entry.session.tokenCount };
      });
    },
    disposeMark: ({ session, mark }) => this.#handles.get(session).marks.take(mark)?.dispose(),
    snapshot: async ({ session }, { transfer }) => {
      const entry = this.#handles.get(session);
      const bytes = await entry.look(() => entry.session.snapshot());
      transfer.push(bytes.buffer);
      return bytes;
    },
    disposeSession: ({ session }) => this.#handles.take(session)?.session.dispose(),
  };
}
