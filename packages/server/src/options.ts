import type { StateFolder } from './states/state-store';

/** Options of `createHandler`. */
export interface ServerOptions {
  /** The id under which the model is served. Default 'densessm'. */
  name?: string;
  /** Keys of which a client must send one as `Authorization: Bearer KEY`. Default none, which asks for no key. */
  apiKeys?: readonly string[];
  /** Names that the Host header may have, besides localhost, 127.0.0.1 and [::1]; '*' for any. A page that rebinds its name to this machine has another. */
  hosts?: readonly string[];
  /** Origins whose pages may read answers; '*' for all. Default none. */
  origins?: readonly string[];
  /** Default 4 MiB. */
  maxBodyBytes?: number;
  /** Most tokens of a prompt. Default 131072. */
  maxPromptTokens?: number;
  /** Most tokens of an answer, and how many a chat answer may have that names no number. Default 4096. */
  maxTokens?: number;
  /** Most texts of a request: prompts times `n`. Default 128. */
  maxTexts?: number;
  /** After this an answer ends with an error. Default 600000. */
  timeoutMs?: number;
  /** Texts that are generated at once. Default 8. */
  slots?: number;
  /** Requests that may wait; one more is answered 429. Default 64. */
  maxWaiting?: number;
  /** Bytes of states that are kept in memory. Default 256 MiB. */
  cacheBytes?: number;
  /** Where states survive a restart; `stateFolder` of `@densessm/server/node` is one. */
  folder?: StateFolder;
  /** Between two comments of a silent stream, so that nobody takes it for dead. Default 15000. */
  pingMs?: number;
  /** Told of errors that are not the client's. Default: `console.error`. */
  onError?: (error: unknown) => void;
}

export type CheckedOptions = Required<Omit<ServerOptions, 'folder'>> & Pick<ServerOptions, 'folder'>;

const DEFAULTS = {
  name: 'densessm',
  apiKeys: [],
  hosts: [],
  origins: [],
  maxBodyBytes: 4 * 2 ** 20,
  maxPromptTokens: 131_072,
  maxTokens: 4096,
  maxTexts: 128,
  timeoutMs: 600_000,
  slots: 8,
  maxWaiting: 64,
  cacheBytes: 256 * 2 ** 20,
  pingMs: 15_000,
  // biome-ignore lint/suspicious/noConsole: where nobody keeps a log, it is the only place that tells what went wrong
  onError: (error: unknown) => console.error(error),
} as const satisfies ServerOptions;

export const checkedOptions = (options: ServerOptions): CheckedOptions => ({
  ...DEFAULTS,
  ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
});
