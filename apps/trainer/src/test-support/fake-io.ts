import { Readable } from 'node:stream';
import type { Io } from '../io';
import { main } from '../main';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface FakeIo extends Io {
  written(): Omit<Ran, 'code'>;
}

/** A process without a terminal that keeps what it writes. */
export function fakeIo(options: Partial<Pick<Io, 'cwd' | 'env' | 'signal' | 'self'>> & { stdin?: string; isTTY?: boolean } = {}): FakeIo {
  const { cwd = '/', env = {}, signal = new AbortController().signal, stdin = '', isTTY = false, self } = options;
  const texts = { stdout: '', stderr: '' };
  const output = (name: keyof typeof texts) => ({
    isTTY,
    columns: 100,
    write: (text: string) => {
      texts[name] += text;
    },
  });
  const io = { cwd, env, signal, self, stdout: output('stdout'), stderr: output('stderr') };
  return { ...io, stdin: Readable.from([Buffer.from(stdin)]), written: () => ({ ...texts }) };
}

/** Runs the command in this process. */
export async function run(argv: readonly string[], options: Parameters<typeof fakeIo>[0] = {}): Promise<Ran> {
  const io = fakeIo(options);
  const code = await main(argv, io);
  return { code, ...io.written() };
}
