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

/** What one decoding step takes, by the number of texts. */
export interface Steps {
  weights: string;
  layers: number;
  hidden: number;
  vocab: number;
  /** Milliseconds of one thread for each kernel, the sum of the fastest runs of its blocks. */
  steps: { texts: number; kernels: Record<string, number> }[];
  machine: ReturnType<typeof machine>;
}

/** What docs/serving.json holds. */
export interface ServingFigures {
  levels: Level[];
  steps?: Steps;
  secondTurn?: SecondTurn;
}

export const readFigures = (file: string | URL): ServingFigures =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ServingFigures) : { levels: [] };

function write(file: string | URL, figures: ServingFigures): void {
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
}

const keyOf = ({ hidden, layers, prompt, tokens, threads, clients }: Level): string =>
  [hidden, layers, prompt, tokens, threads, clients].map((size) => String(size).padStart(6)).join();

/** Puts levels into a file of figures, in the place of those of the same sizes with as many clients. */
export function keepLevels(file: string | URL, levels: readonly Level[]): void {
  const figures = readFigures(file);
  const all = new Map([...figures.levels, ...levels].map((level) => [keyOf(level), level]));
  write(file, { ...figures, levels: [...all.values()].sort((a, b) => keyOf(a).localeCompare(keyOf(b))) });
}

/** Puts steps into a file of figures, in the place of those before. */
export const keepSteps = (file: string | URL, steps: Steps): void => write(file, { ...readFigures(file), steps });

/** Puts a second turn into a file of figures, in the place of the one before. */
export const keepSecondTurn = (file: string | URL, secondTurn: SecondTurn): void => write(file, { ...readFigures(file), secondTurn });

/** Clients who keep all threads busy, beside the levels of {@link tableOfClients}. */
const isOfLoad = ({ threads }: Level): boolean => threads > 1;

/** A table in Markdown. */
export function tableOfLevels(levels: readonly Level[]): string {
  const rows = levels.filter(isOfLoad).map((level) => {
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

/** Processor time of a token on one thread, by how many clients share the steps. A table in Markdown. */
export function tableOfClients(levels: readonly Level[]): string {
  const alone = levels.filter((level) => !isOfLoad(level));
  const clients = [1, 2, 4, 8];
  const rows = [...new Set(alone.map(({ prompt, tokens }) => `${prompt} + ${tokens} tokens`))].map((sizes) => {
    const of = (count: number): number | undefined =>
      alone.find((level) => level.clients === count && `${level.prompt} + ${level.tokens} tokens` === sizes)?.cpuMsPerToken;
    const [one, eight] = [of(1), of(8)];
    const cells = clients.map((count) => of(count)?.toFixed(1) ?? '');
    return `| ${[sizes, ...cells, one && eight ? (one / eight).toFixed(2) : ''].join(' | ')} |`;
  });
  if (rows.length === 0) return 'Not measured yet.';
  return ['| prompt + answer, ms a token | 1 client | 2 | 4 | 8 | 1 ÷ 8 |', '|---|---|---|---|---|---|', ...rows].join('\n');
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

/** What a kernel is called in a table. */
const KERNELS: Readonly<Record<string, string>> = {
  packedLinear: 'products',
  selectiveStep: 'scan',
  convolutionStep: 'convolution',
  packActivations: 'quantization of activations',
  rmsNorm: 'norms',
};

/** A table in Markdown. */
export function tableOfSteps({ steps }: Steps): string {
  const sum = (kernels: Record<string, number>): number => Object.values(kernels).reduce((total, ms) => total + ms, 0);
  const one = sum(steps[0]?.kernels ?? {});
  const rows = steps.map(({ texts, kernels }) => {
    const total = sum(kernels);
    const parts = Object.keys(KERNELS).map((kernel) => (kernels[kernel] ?? 0).toFixed(2));
    return `| ${[texts, ...parts, total.toFixed(1), ((texts * one) / total).toFixed(2)].join(' | ')} |`;
  });
  const head = `| texts | ${Object.values(KERNELS).join(' | ')} | in all, ms of one thread | tokens beside one text |`;
  return [head, `|${'---|'.repeat(Object.keys(KERNELS).length + 3)}`, ...rows].join('\n');
}
