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

/** Time to a first token after a long history, in milliseconds, and what our server holds. */
export interface SecondTurn {
  /** Tokens. */
  history: number;
  weights: string;
  threads: number;
  layers: number;
  hidden: number;
  vocab: number;
  /** Over HTTP: the history is read, the second turn with all messages again, the second turn that names the answer before, and a short prompt. */
  ours: { readChat: number; secondChat: number; secondResponse: number; short: number; bytes: number };
  /** In process: the history is read, the second turn, and the tokens of it that need not be read again. */
  nodeLlama?: { firstMs: number; secondMs: number; kept: number };
  machine: ReturnType<typeof machine>;
}

/** What docs/serving.json holds. */
export interface ServingFigures {
  levels: Level[];
  secondTurn?: SecondTurn;
}

export const readFigures = (file: string | URL): ServingFigures =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ServingFigures) : { levels: [] };

function write(file: string | URL, figures: ServingFigures): void {
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
}

/** Puts levels into a file of figures, in the place of those with as many clients. */
export function keepLevels(file: string | URL, levels: readonly Level[]): void {
  const figures = readFigures(file);
  const all = new Map([...figures.levels, ...levels].map((level) => [level.clients, level]));
  write(file, { ...figures, levels: [...all.values()].sort((a, b) => a.clients - b.clients) });
}

/** Puts a second turn into a file of figures, in the place of the one before. */
export const keepSecondTurn = (file: string | URL, secondTurn: SecondTurn): void => write(file, { ...readFigures(file), secondTurn });

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

/** A table in Markdown. */
export function tableOfSecondTurn({ ours, nodeLlama, history }: SecondTurn): string {
  const seconds = (ms: number | undefined): string => (ms === undefined ? '' : (ms / 1000).toFixed(2));
  const rows = [
    [`first token after a history of ${history.toLocaleString('en')} tokens that is read`, ours.readChat, nodeLlama?.firstMs],
    ['first token of the second turn, all messages sent again', ours.secondChat, nodeLlama?.secondMs],
    ['first token of the second turn, with `previous_response_id`', ours.secondResponse, undefined],
    ['first token after "Hi"', ours.short, undefined],
  ] as const;
  const lines = rows.map(([what, own, other]) => `| ${what} | ${seconds(own)} | ${seconds(other)} |`);
  return ['| seconds | ours, over HTTP | node-llama-cpp, in process |', '|---|---|---|', ...lines].join('\n');
}
