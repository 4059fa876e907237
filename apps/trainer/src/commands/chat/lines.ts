import { createInterface, type Interface } from 'node:readline';
import type { Io } from '../../io';

/** Where a person's lines come from. */
export interface Lines {
  /** The next line; undefined at the end. Shows that it waits, on a terminal. */
  next(): Promise<string | undefined>;
  /** Shows again that it waits. */
  remind(): void;
  /** Called at Ctrl-C. */
  onInterrupt(listener: () => void): void;
  close(): void;
}

const PROMPT = '> ';

/** Lines of a terminal with editing and history, or of a pipe. A line that ends with a backslash goes on in the next. */
export function openLines(io: Io): Lines {
  const isTerminal = io.stdin.isTTY === true && io.stdout.isTTY === true;
  const output = isTerminal ? (io.stdout as NodeJS.WritableStream) : undefined;
  const reader = createInterface({ input: io.stdin, output, terminal: isTerminal, prompt: PROMPT });
  const queue = lineQueue(reader);
  const next = async (): Promise<string | undefined> => {
    const parts: string[] = [];
    for (;;) {
      if (isTerminal) {
        reader.setPrompt(parts.length === 0 ? PROMPT : '… ');
        reader.prompt();
      }
      const line = await queue();
      if (line === undefined) return parts.length > 0 ? parts.join('\n') : undefined;
      if (!line.endsWith('\\')) return [...parts, line].join('\n');
      parts.push(line.slice(0, -1));
    }
  };
  const onInterrupt = (listener: () => void): void => {
    if (isTerminal) reader.on('SIGINT', listener);
    else io.signal.addEventListener('abort', listener, { once: true });
  };
  const remind = (): void => {
    if (isTerminal) reader.prompt(true);
  };
  return { next, remind, onInterrupt, close: () => reader.close() };
}

/** Lines that come while nobody waits are kept. */
function lineQueue(reader: Interface): () => Promise<string | undefined> {
  const waiting: string[] = [];
  let isClosed = false;
  let wake: (() => void) | undefined;
  reader.on('line', (line) => {
    waiting.push(line);
    wake?.();
  });
  reader.on('close', () => {
    isClosed = true;
    wake?.();
  });
  return async () => {
    while (waiting.length === 0 && !isClosed) await new Promise<void>((resolve) => (wake = resolve));
    return waiting.shift();
  };
}
