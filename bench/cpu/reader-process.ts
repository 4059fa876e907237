import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { WeightType } from './options';

/** A process that reads a model and answers lines (bench/peers/lines.h); between them it sleeps. */
export class ReaderProcess {
  static readonly #open = new Set<ReaderProcess>();
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #threads = 0;

  private constructor(child: ChildProcess) {
    if (child.stdout === null) throw new Error('the reader has no output');
    this.#child = child;
    this.#reader = createInterface({ input: child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    ReaderProcess.#open.add(this);
  }

  static async closeAll(): Promise<void> {
    for (const reader of ReaderProcess.#open) await reader.close();
  }

  /** Waits until the model is loaded. */
  static async start(command: string, parameters: readonly string[]): Promise<ReaderProcess> {
    const child = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
    const reader = new ReaderProcess(child);
    const said = await reader.#next();
    if (said !== 'ready') throw new Error(`${command} ${parameters.join(' ')}: expected "ready", got "${said}"`);
    return reader;
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#child.spawnargs.join(' ')}: ended before it answered`);
    return value;
  }

  /** Milliseconds, or what else was asked for. */
  async ask(line: string): Promise<number> {
    this.#child.stdin?.write(`${line}\n`);
    return Number(await this.#next());
  }

  async useThreads(threads: number): Promise<void> {
    if (threads !== this.#threads) await this.ask(`threads ${threads}`);
    this.#threads = threads;
  }

  async close(): Promise<void> {
    ReaderProcess.#open.delete(this);
    const isRunning = this.#child.exitCode === null && this.#child.signalCode === null;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    if (isRunning) await ended;
    this.#reader.close();
  }
}

/** A process of ours, on the sources as this one. */
export function startOurs(folder: string, weights: WeightType, threads: number, mode: 'decode' | 'prefill'): Promise<ReaderProcess> {
  const program = fileURLToPath(new URL('reader.ts', import.meta.url));
  return ReaderProcess.start(process.execPath, [...process.execArgv, program, folder, weights, String(threads), mode]);
}
