import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));

/** A server of random weights in a process of its own. */
export class ServerProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(folder: string, weights: string, threads: number, maxWaiting = 256): Promise<ServerProcess> {
    const child = fork(PROGRAM, [folder, weights, String(threads), String(maxWaiting)]);
    const [{ url }] = (await once(child, 'message')) as [{ url: string }];
    return new ServerProcess(child, url);
  }

  /** Bytes that it holds, and milliseconds of the processor that it has taken on all threads. */
  async usage(): Promise<{ bytes: number; cpuMs: number }> {
    this.#child.send('usage');
    const [usage] = (await once(this.#child, 'message')) as [{ bytes: number; cpuMs: number }];
    return usage;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
