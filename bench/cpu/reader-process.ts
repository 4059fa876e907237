import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { WeightType } from './options';

const { ModuleKind, ScriptTarget, transpileModule } = ts;

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
  return ReaderProcess.start(process.execPath, [...process.execArgv, READER, folder, weights, String(threads), mode]);
}

/** The same on the built packages, as a user's program runs: without a loader of sources, which holds memory of its own. */
export function startBuilt(folder: string, weights: WeightType, threads: number): Promise<ReaderProcess> {
  const program = fileURLToPath(new URL('../node_modules/.reader.mjs', import.meta.url));
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 };
  writeFileSync(program, transpileModule(readFileSync(READER, 'utf8'), { compilerOptions }).outputText);
  return ReaderProcess.start(process.execPath, [program, folder, weights, String(threads), 'decode']);
}

const READER = fileURLToPath(new URL('reader.ts', import.meta.url));
