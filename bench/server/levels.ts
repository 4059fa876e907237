import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { machine } from '../lib/results';

/** What so many clients at once saw. */
export interface Level {
  clients: number;
  seconds: number;
  weights: string;
  threads: number;
  /** Sizes of the model, a Mamba. */
  layers: number;
  hidden: number;
  vocab: number;
  /** Tokens of a prompt and of an answer. */
  prompt: number;
  tokens: number;
  requests: number;
  /** Requests that were told to come again. */
  cameAgain: number;
  tokensPerSecond: number;
  /** Of the server on all threads: with one thread it does not count what waits for other programs. */
  cpuMsPerToken: number;
  firstMs: { p50: number; p99: number };
  /** Of one stream after its first token; p99 is what all but one in a hundred have at least. */
  streamTokensPerSecond: { p50: number; p99: number };
  mostBytes: number;
  machine: ReturnType<typeof machine>;
}

/** A file of levels, one for each number of clients. */
export const readLevels = (file: string | URL): Level[] => (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Level[]) : []);

/** Puts levels into a file, in the place of those with as many clients. */
export function keepLevels(file: string | URL, levels: readonly Level[]): void {
  const all = new Map([...readLevels(file), ...levels].map((level) => [level.clients, level]));
  const sorted = [...all.values()].sort((a, b) => a.clients - b.clients);
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** A table in Markdown. */
export function tableOfLevels(levels: readonly Level[]): string {
  const rows = levels.map((level) => {
    const { clients, seconds, prompt, tokens, requests, tokensPerSecond, firstMs, streamTokensPerSecond: rate } = level;
    const cells = [
      ...[clients, seconds, `${prompt} + ${tokens}`, requests, tokensPerSecond.toFixed(1)],
      ...[firstMs.p50 / 1000, firstMs.p99 / 1000].map((time) => time.toFixed(2)),
      ...[rate.p50, rate.p99].map((one) => one.toFixed(1)),
      ...[(level.mostBytes / 2 ** 20).toFixed(0), level.machine.load?.toFixed(1) ?? ''],
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head =
    '| clients | seconds | tokens of prompt + answer | answers | tokens/s in all | first token p50, s | p99, s | tokens/s of a stream p50 | p99 | MiB | load |';
  return [head, '|---|---|---|---|---|---|---|---|---|---|---|', ...rows].join('\n');
}
