/**
 * Many clients at once: node scripts/run.mjs bench/server/load.ts [--clients 1,8,64,200] [--seconds 30,30,30,300] [--weights int8] [--threads 2]
 * [--rounds 1] [--prompt 64] [--tokens 32] [--layers 24] [--hidden 768] [--vocab 50280] [--queue 256] [--work FOLDER] [--figures docs/serving.json]
 * Each client asks again and again on loopback and reads its stream to the end; a request that is lost or a stream that is cut ends the program
 * with an error. The seconds are of each number of clients. With several rounds these take turns, and of each the fastest round is compared. Random weights in the sizes
 * of mamba-130m. Results are kept in bench/results, and in a file of figures if one is named: docs/scripts/write-tables.ts makes a table of it.
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startBackend } from '@densessm/runtime-node';
import { folderOf, smallMamba } from '../cpu/models';
import { readOptions } from '../cpu/options';
import { commit, keepResults, machine } from '../lib/results';
import { ask, quantile, type Seen } from './client';
import { keepLevels, type Level } from './levels';
import { ServerProcess } from './server-process';

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: {
    ...{
      clients: text('1,8,64,200'),
      seconds: text('30,30,30,300'),
      weights: text('int8'),
      threads: text('2'),
      prompt: text('64'),
      tokens: text('32'),
    },
    ...{
      layers: text('24'),
      hidden: text('768'),
      vocab: text('50280'),
      queue: text('256'),
      work: text(''),
      rounds: text('1'),
      figures: text(''),
    },
  },
});
const [prompt, tokens, vocab] = [values.prompt, values.tokens, values.vocab].map(Number) as [number, number, number];
const sizes = { ...readOptions([]), layers: Number(values.layers), hidden: Number(values.hidden), vocab };

await startBackend({ device: 'wasm', threads: 1 });
const work = values.work || mkdtempSync(join(tmpdir(), 'densessm-load-'));
mkdirSync(work, { recursive: true });
const folder = await folderOf(work, {
  ...smallMamba(sizes),
  name: 'load',
  stored: 'BF16',
});
const server = await ServerProcess.start(folder, values.weights, Number(values.threads), Number(values.queue));
console.log(`${JSON.stringify(machine())}\n${JSON.stringify(values)}`);

async function level(clients: number, seconds: number): Promise<Level> {
  const [start, seen] = [performance.now(), [] as Seen[]];
  let [cameAgain, mostBytes, asked] = [0, 0, 0];
  const isOver = (): boolean => performance.now() - start > 1000 * seconds;
  const client = async (): Promise<void> => {
    while (!isOver()) {
      const seed = asked++;
      const ids = Array.from({ length: prompt }, (_, i) => (seed * 7919 + i * i * 31) % vocab);
      const one = await ask(server.url, '/v1/completions', { prompt: ids, max_tokens: tokens }, tokens);
      if (one) seen.push(one);
      else cameAgain++;
    }
  };
  const watch = setInterval(async () => {
    mostBytes = Math.max(mostBytes, (await server.usage()).bytes);
  }, 1000);
  const { cpuMs: before } = await server.usage();
  await Promise.all(Array.from({ length: clients }, client)).finally(() => clearInterval(watch));
  const { cpuMs: after } = await server.usage();
  const took = (performance.now() - start) / 1000;
  const first = seen.map(({ firstMs }) => firstMs);
  const rates = seen.map(({ firstMs, endMs }) => (1000 * (tokens - 1)) / (endMs - firstMs));
  return {
    ...{ clients, seconds, weights: values.weights, threads: Number(values.threads), prompt, tokens },
    ...{ layers: sizes.layers, hidden: sizes.hidden, vocab },
    ...{
      requests: seen.length,
      cameAgain,
      tokensPerSecond: (seen.length * tokens) / took,
      cpuMsPerToken: (after - before) / (seen.length * tokens),
    },
    firstMs: { p50: quantile(first, 0.5), p99: quantile(first, 0.99) },
    streamTokensPerSecond: { p50: quantile(rates, 0.5), p99: quantile(rates, 0.01) },
    ...{ mostBytes, machine: machine() },
  };
}

await ask(server.url, '/v1/completions', { prompt: [1, 2, 3], max_tokens: 4 }, 4); // not counted
const levels: Level[] = [];
const [all, seconds] = [values.clients, values.seconds].map((list) => list.split(',').map(Number)) as [number[], number[]];
const turns = all.map((clients, i) => [clients, seconds[i] ?? (seconds.at(-1) as number)] as const);
for (const [clients, time] of Array<typeof turns>(Number(values.rounds)).fill(turns).flat()) {
  const one = await level(clients, time);
  levels.push(one);
  if (values.figures) keepLevels(values.figures, [one]);
  const { firstMs, streamTokensPerSecond: rate } = one;
  console.log(
    `${clients} clients: ${one.requests} answers, ${one.tokensPerSecond.toFixed(1)} tokens/s in all, ${one.cpuMsPerToken.toFixed(2)} ms of the processor a token; first token p50 ${firstMs.p50.toFixed(0)} ms, p99 ` +
      `${firstMs.p99.toFixed(0)} ms; a stream p50 ${rate.p50.toFixed(1)}, p99 ${rate.p99.toFixed(1)} tokens/s; ${one.cameAgain} came again; ` +
      `${(one.mostBytes / 2 ** 20).toFixed(0)} MiB; load ${one.machine.load?.toFixed(1)}`,
  );
}
await server.close();
const [alone = 0, eight = 0] = [1, 8].map((clients) =>
  Math.max(0, ...levels.filter((one) => one.clients === clients).map((one) => one.tokensPerSecond)),
);
if (alone > 0 && eight > 0) console.log(`eight clients have ${(eight / alone).toFixed(2)} times the tokens/s of one`);
console.log(
  `kept in ${keepResults('server-load', { date: new Date().toISOString(), ...{ commit: commit(), machine: machine(), options: values, levels } }).pathname}`,
);
