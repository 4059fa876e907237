import type { OpenedSession } from '../worker/commands';
import type { Engine } from './create-worker-client';
import type { WorkerSession, WorkerSessionMark } from './worker-model';

/** A session of the worker as the page sees it. */
export function remoteSession(engine: Engine, { session, stateBytes, tokenCount: first }: OpenedSession): WorkerSession {
  const marks = new WeakMap<WorkerSessionMark, number>();
  let tokenCount = first;
  const told = <T extends { readonly tokenCount: number }>(answer: T): T => {
    tokenCount = answer.tokenCount;
    return answer;
  };
  return {
    get tokenCount() {
      return tokenCount;
    },
    stateBytes,
    append: async (prompt, { signal } = {}) => void told(await engine.call('append', { session, prompt }, { signal })),
    generate: async ({ signal, ...options } = {}) => told(await engine.call('sessionGenerate', { session, options }, { signal })).text,
    async *stream({ signal, ...options } = {}) {
      for await (const event of engine.iterate('sessionStream', { session, options }, { signal })) yield told(event).part;
    },
    fork: async () => remoteSession(engine, await engine.call('fork', { session })),
    mark: async () => {
      const answer = await engine.call('mark', { session });
      const mark = {
        tokenCount: answer.tokenCount,
        dispose: () => void engine.call('disposeMark', { session, mark: answer.mark }).catch(ignore),
      };
      marks.set(mark, answer.mark);
      return mark;
    },
    rewind: async (mark) => void told(await engine.call('rewind', { session, mark: marks.get(mark) ?? 0 })),
    snapshot: () => engine.call('snapshot', { session }),
    dispose: () => void engine.call('disposeSession', { session }).catch(ignore),
  };
}

/** What is freed with the worker needs no answer. */
const ignore = (): void => undefined;
