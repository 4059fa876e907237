import type { ApiError } from './errors';
import { every } from './timers';

export interface EventStreamOptions {
  /** Milliseconds of silence before a comment is sent. */
  readonly pingMs: number;
  /** Called when the client goes away. */
  readonly onCancel: () => void;
  readonly errorOf: (error: unknown) => ApiError;
  /** Called at the end, however it comes. */
  readonly onEnd: () => void;
}

/** One message of a stream: its data, and the name of the event where it has one. */
export interface SseMessage {
  readonly event?: string;
  readonly data: string;
}

export const dataOf = (json: unknown): SseMessage => ({ data: JSON.stringify(json) });

/** The last message of a stream of completions. */
export const DONE: SseMessage = { data: '[DONE]' };

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** Server-sent events. An error on the way is the last message. */
export function eventStream(messages: AsyncGenerator<SseMessage, void, undefined>, options: EventStreamOptions): Response {
  const encoder = new TextEncoder();
  let stopPings = (): void => undefined;
  const end = (): void => {
    stopPings();
    options.onEnd();
  };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const send = (): void => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(': ping\n\n')); // not for a client that does not read
      };
      stopPings = every(options.pingMs, send);
    },
    pull: async (controller) => {
      const message = await nextOf(messages, options.errorOf);
      if (message) controller.enqueue(encoder.encode(`${message.event ? `event: ${message.event}\n` : ''}data: ${message.data}\n\n`));
      if (message && !message.isLast) return;
      end();
      controller.close();
    },
    cancel: async () => {
      end();
      options.onCancel();
      await messages.return();
    },
  });
  return new Response(body, { headers: HEADERS });
}

async function nextOf(
  messages: AsyncGenerator<SseMessage, void, undefined>,
  errorOf: (error: unknown) => ApiError,
): Promise<(SseMessage & { isLast?: boolean }) | undefined> {
  try {
    const { value, done } = await messages.next();
    return done ? undefined : (value as SseMessage);
  } catch (error) {
    return { ...dataOf(errorOf(error).toJSON()), isLast: true };
  }
}
