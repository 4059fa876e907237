import { SsmError } from '@densessm/ssm-core';
import type { StateFolder } from './states/state-store';

/** Options of `createHandler`. */
export interface ServerOptions {
  /** The id under which the model is served. Default 'densessm'. */
  name?: string;
  /** Keys of which a client must send one as `Authorization: Bearer KEY`. Default none, which asks for no key. */
  apiKeys?: readonly string[];
  /** Names that the Host header may have, besides localhost and IP addresses; '*' for any. A page that rebinds its name to this machine has another. */
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
  /** After this an answer ends with an error; Infinity for never. Default 600000. */
  timeoutMs?: number;
  /** Texts that are generated at once. Default 8. */
  slots?: number;
  /** Requests that may wait; one more is answered 429. Default 64. */
  maxWaiting?: number;
  /** Bytes of states that are kept in memory. Default 256 MiB. */
  cacheBytes?: number;
  /** Where states survive a restart; `stateFolder` of `@densessm/server/node` is one. */
  folder?: StateFolder;
  /** Between two comments of a silent stream, so that nobody takes it for dead. Infinity for no comments. Default 15000. */
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

interface Rule {
  readonly min: number;
  /** Whether Infinity, which stands for no limit, and fractions are meant too. */
  readonly isOpen: boolean;
}

const COUNT: Rule = { min: 1, isOpen: false };
const NUMBERS = {
  maxBodyBytes: { min: 1, isOpen: true },
  maxPromptTokens: COUNT,
  maxTokens: COUNT,
  maxTexts: COUNT,
  timeoutMs: { min: 1, isOpen: true },
  slots: COUNT,
  maxWaiting: COUNT,
  cacheBytes: { min: 0, isOpen: true },
  pingMs: { min: 1, isOpen: true },
} as const satisfies Partial<Record<keyof ServerOptions, Rule>>;

/** @throws SsmError OPTION for a number without meaning */
export function checkedOptions(options: ServerOptions): CheckedOptions {
  const checked: CheckedOptions = {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  };
  for (const [name, rule] of Object.entries(NUMBERS)) checkNumber(name, checked[name as keyof typeof NUMBERS], rule);
  return checked;
}

function checkNumber(name: string, value: unknown, { min, isOpen }: Rule): void {
  if (typeof value === 'number' && value >= min && (isOpen || Number.isSafeInteger(value))) return;
  throw new SsmError({
    code: 'OPTION',
    what: `createHandler: \`${name}\` cannot be used so.`,
    expected: isOpen ? `a number from ${min}, or Infinity for no limit` : `an integer from ${min}`,
    got: typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value),
    fix: `correct it, or leave it out for ${DEFAULTS[name as keyof typeof NUMBERS]}`,
  });
}
