/** What went wrong, as sentences for people: what happened and what to do. */
export interface Trouble {
  readonly what: string;
  readonly todo: string;
  /** For whoever reports it. */
  readonly detail: string;
}

const WORDS: Readonly<Record<string, { what: string; todo: string }>> = {
  NETWORK: { what: 'The files did not come.', todo: 'Look at the connection and try again; what has come is kept.' },
  BACKEND: { what: 'This device could not start.', todo: 'Try another device under “device” at the top of the page.' },
  STORAGE: {
    what: 'The browser has no room left for this site.',
    todo: 'Delete kept models or runs in Bench, or free space in the browser.',
  },
};

/** Of a worker that ended while it computed. */
const ENDED = { what: 'What computes in this page has ended.', todo: 'Try again: it starts anew, and what was saved is kept.' };

interface Designed {
  code?: unknown;
  details?: { what?: unknown; expected?: unknown; got?: unknown; fix?: unknown };
  what?: unknown;
  fix?: unknown;
}

/** Reads an error of ours by its parts, any other by its message; never `[object Object]`. */
export function troubleOf(error: unknown): Trouble {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const message = error instanceof Error ? error.message : typeof error === 'string' ? error : 'Something went wrong.';
  const code = String((error as Designed | undefined)?.code ?? '');
  const [first = message, ...rest] = message.split('\n');
  const part = (name: string) =>
    rest
      .find((line) => line.trim().startsWith(`${name} `))
      ?.trim()
      .slice(name.length)
      .trim();
  const fix = part('fix');
  const known = isEndedWorker(error) ? ENDED : WORDS[code];
  const spoken = first.replace(/^SsmError: /, '').replace(/^[\w.]+: (?=\S)/, '');
  const got = part('got');
  const what = known
    ? `${known.what} ${sentence(got ?? spoken)}`
    : sentence(got && !spoken.includes(got) ? `${spoken.replace(/\.$/, '')}: ${got}` : spoken);
  return { what, todo: sentence(known?.todo ?? fix ?? 'Try again, or reload the page; what was saved is kept.'), detail };
}

/** Whether the graphics device went away: a driver that was reset or updated, a laptop that changed its card. */
export const isLostDevice = (error: unknown): boolean => (error as Designed | undefined)?.code === 'LOST';

/** Whether the worker ended, as one does that the browser has no memory for. */
export const isEndedWorker = (error: unknown): boolean =>
  (error as Designed | undefined)?.code === 'BACKEND' && error instanceof Error && error.message.includes('The worker has ended');

/** Whether this page ended the worker itself, to go on with another device. */
export const isDisposedWorker = (error: unknown): boolean =>
  isEndedWorker(error) && (error as Error).message.includes('it was disposed of');

/** Whether the Hub knows no such model, or shows it to nobody without a login: it gives the same answer to both. */
export const isNotPublic = (error: unknown): boolean =>
  (error as Designed | undefined)?.code === 'NETWORK' && error instanceof Error && /status (401|403|404)/.test(error.message);

export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

function sentence(text: string): string {
  const trimmed = text.trim();
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.?!…”]$/.test(begun) ? begun : `${begun}.`;
}
