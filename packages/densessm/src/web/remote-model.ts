import type { SessionOptions } from '@densessm/generate';
import type { OpenedModel } from '../worker/commands';
import type { Engine } from './create-worker-client';
import { remoteSession } from './remote-session';
import type { WorkerModel } from './worker-model';

/** A model of the worker as the page sees it. */
export function remoteModel(engine: Engine, { model, facts }: OpenedModel): WorkerModel {
  const dispose = (): Promise<void> => engine.call('disposeModel', { model });
  return {
    ...facts,
    generate: (prompt, { signal, ...options } = {}) => engine.call('generate', { model, prompt, options }, { signal }),
    generateBatch: (prompts, { signal, ...options } = {}) => engine.call('generateBatch', { model, prompts, options }, { signal }),
    async *stream(prompt, { signal, ...options } = {}) {
      for await (const { text } of engine.iterate('stream', { model, prompt, options }, { signal })) if (text !== '') yield text;
    },
    streamTokens: (prompt, { signal, ...options } = {}) => engine.iterate('stream', { model, prompt, options }, { signal }),
    chat: (messages, { signal, ...options } = {}) => engine.call('chat', { model, messages, options }, { signal }),
    streamChat: (messages, { signal, ...options } = {}) => engine.iterate('streamChat', { model, messages, options }, { signal }),
    session: async (options: SessionOptions = {}) => remoteSession(engine, await engine.call('session', { model, options })),
    restoreSession: async (snapshot) => remoteSession(engine, await engine.call('restoreSession', { model, snapshot })),
    encode: (text, options = {}) => engine.call('encode', { model, text, options }),
    decode: (ids, options = {}) => engine.call('decode', { model, ids, options }),
    inspect: (prompt, { signal, ...options } = {}) => engine.call('inspect', { model, prompt, options }, { signal }),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
