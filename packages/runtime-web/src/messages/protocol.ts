/**
 * What goes between a page and a worker: a page calls commands by name, a worker answers each with events and one end. Plain data only, and
 * buffers that move instead of being copied.
 */

/** A command: what it takes, what comes of it, what it tells on the way. */
export interface Command {
  readonly args: unknown;
  readonly result: unknown;
  readonly event: unknown;
}

/** Commands by their names: a type that page and worker share. */
export type Commands = { readonly [name: string]: Command };

/** A `Worker` as a page sees it, the worker's own global scope, or a `MessagePort`. */
export interface MessageEnd {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  /** Of a port, which holds messages back until then. */
  start?(): void;
}

/** From the page. `ask` lets a command go on that waits for the page between two events. */
export type ToWorker =
  | { readonly kind: 'call'; readonly call: number; readonly name: string; readonly args: unknown; readonly isAsked: boolean }
  | { readonly kind: 'ask'; readonly call: number }
  | { readonly kind: 'cancel'; readonly call: number };

/** From the worker. */
export type ToPage =
  | { readonly kind: 'event'; readonly call: number; readonly event: unknown }
  | { readonly kind: 'result'; readonly call: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly call: number; readonly error: SentError };

/** An error as plain data. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  /** Of an SsmError. */
  readonly expected?: string;
  readonly got?: string;
  readonly fix?: string;
}
