import type { CommandModel } from './model/command-model';

/** Where a command writes: a terminal, a file, a pipe, a list in a test. */
export interface TextOutput {
  write(text: string): unknown;
  /** Whether a person sees it as it comes, so that a line may be written over. */
  readonly isTTY?: boolean;
  /** Characters in a line of the terminal. */
  readonly columns?: number;
}

/** Everything that a command touches of the process it runs in. Tests give their own. */
export interface Io {
  /** Results. With `--json` nothing but JSON. */
  readonly stdout: TextOutput;
  /** Progress, remarks and errors. */
  readonly stderr: TextOutput;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative paths are relative to. */
  readonly cwd: string;
  /** Models of plugins and of the program that calls `main`, beside those of the house. Grows as plugins are loaded. */
  readonly models?: CommandModel[];
  /** The words that start this command as a process of its own, before its arguments; where they are missing, `sweep` cannot run. */
  readonly self?: readonly string[];
  /** Aborted when nobody reads stdout any more, or it cannot be written: what has no other result may end. */
  readonly unread?: AbortSignal;
  /** How the process has to be ended, where a thread may hang in a library. */
  readonly last?: { leave?: (code: number) => Promise<never> };
  /**
   * Aborted by the first Ctrl-C (or SIGTERM, SIGHUP, SIGQUIT): finish what must not be torn, save, throw {@link Interrupted}. A second one ends the process.
   * Whoever never reads this is ended by the first.
   */
  readonly signal: AbortSignal;
}

/** Exit codes of the command; that for "start it again later" is sysexits.h's EX_TEMPFAIL. */
export const EXIT = { fine: 0, failure: 1, usage: 2, requeue: 75, interrupted: 130 } as const;

/** Ends the command with a code after it has said everything itself: a check that failed, for example. */
export class Exit extends Error {
  constructor(readonly code: number) {
    super(`exit code ${code}`);
  }
}

/** The user broke off and knows how to go on; the text is shown as it is. */
export class Interrupted extends Error {}
