/**
 * A step for several texts beside one for one text: node scripts/run.mjs bench/server/step.ts [--texts 1,2,4,8,16] [--weights int8] [--threads 2]
 * [--rounds 60] [--layers 24] [--hidden 768] [--vocab 50280] [--figures docs/serving.json]
 * A decoder of each size on the same packed weights, in turns in one run. Of each the fastest step on all threads; and on one thread the fastest run
 * of each block of each kernel, which add up to what a step takes of one processor that it has to itself: blocks are so short that some find it
 * free on a busy machine, too. Random weights in the sizes of mamba-130m.
 */

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { packParams } from '@densessm/kernels';
import { runtimeOf } from '@densessm/kernels/decode';
import { mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-node';
import { type Decoder, disposeTree, type WeightType } from '@densessm/ssm-core';
import { alignTable } from '../../scripts/lib/table';
import { smallMamba } from '../cpu/models';
import { readOptions } from '../cpu/options';
import { machine } from '../lib/results';
import { keepSteps } from './levels';

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: {
    ...{ texts: text('1,2,4,8,16'), weights: text('int8'), threads: text('2'), rounds: text('60'), figures: text('') },
    ...{ layers: text('24'), hidden: text('768'), vocab: text('50280') },
  },
});
const sizes = { ...readOptions([]), layers: Number(values.layers), hidden: Number(values.hidden), vocab: Number(values.vocab) };

interface Call {
  readonly kernel: string;
  readonly blocks: number;
  readonly scratchBytes: number;
  readonly given: readonly number[];
}
/** What of the runtime is watched: how it runs the kernels of a step. */
interface Watched {
  readonly module: Record<string, (...given: number[]) => void>;
  readonly heap: { scratch(bytes: number): number };
  runAll(calls: readonly Call[]): void;
}

const { reason } = await startBackend({ device: 'wasm', threads: Number(values.threads) });
const config = mamba.parseConfig(smallMamba(sizes).json);
const tensors = mamba.init(config, 1);
const params = await packParams(mamba.spec(config), tensors, { weights: values.weights as WeightType });
disposeTree(tensors);

const texts = values.texts.split(',').map(Number);
const decoders: Decoder<unknown>[] = [];
for (const batch of texts) {
  const decoder = await mamba.decoder?.(config, { batch })?.(params);
  if (!decoder) throw new Error('no decoder on this backend');
  decoders.push(decoder);
}
const ids = (batch: number, round: number): number[] => Array.from({ length: batch }, (_, i) => (round * 31 + i * 7919) % sizes.vocab);
const least = texts.map(() => Number.POSITIVE_INFINITY);
/** Of each number of texts, the least time of each block, by its place in the step. */
const ofBlocks = texts.map(() => new Map<string, number>());

async function step(i: number, round: number): Promise<void> {
  const start = performance.now();
  await (decoders[i] as Decoder<unknown>).step(ids(texts[i] as number, round));
  least[i] = Math.min(least[i] as number, performance.now() - start);
}

const rounds = Number(values.rounds);
for (let round = 0; round < rounds; round++) for (let i = 0; i < texts.length; i++) for (let k = 0; k < 3; k++) await step(i, round);
const whole = [...least];

const runtime = runtimeOf() as unknown as Watched;
const runAll = runtime.runAll.bind(runtime);
for (let round = 0; round < rounds; round++)
  for (const [i, times] of ofBlocks.entries()) {
    let place = 0;
    runtime.runAll = (calls) => {
      for (const { kernel, blocks, scratchBytes, given } of calls) {
        const scratch = runtime.heap.scratch(scratchBytes);
        const run = runtime.module[kernel] as (...given: number[]) => void;
        for (let block = 0; block < blocks; block++) {
          const start = performance.now();
          run(...given, block, scratch);
          const name = `${kernel} ${place++}`;
          times.set(name, Math.min(times.get(name) ?? Number.POSITIVE_INFINITY, performance.now() - start));
        }
      }
    };
    await step(i, round);
  }
runtime.runAll = runAll;

console.log(`Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}; ${values.weights}\n`);
const kernels = [...new Set([...(ofBlocks[0] as Map<string, number>).keys()].map((name) => name.split(' ')[0] as string))];
const sums = ofBlocks.map((times) =>
  kernels.map((kernel) => [...times].reduce((sum, [name, ms]) => (name.startsWith(`${kernel} `) ? sum + ms : sum), 0)),
);
const totals = sums.map((list) => list.reduce((sum, ms) => sum + ms, 0));
const gain = (list: readonly number[], i: number): string =>
  (((texts[i] as number) * (list[0] as number)) / ((texts[0] as number) * (list[i] as number))).toFixed(2);
const table = [['texts', 'step, ms', 'times one', 'one processor, ms', 'times one', ...kernels]];
for (const [i, batch] of texts.entries()) {
  const [ms, total] = [whole[i] as number, totals[i] as number];
  table.push([
    ...[String(batch), ms.toFixed(2), gain(whole, i), total.toFixed(2), gain(totals, i)],
    ...(sums[i] as number[]).map((sum) => sum.toFixed(2)),
  ]);
}
for (const line of alignTable(table)) console.log(line);
if (values.figures)
  keepSteps(values.figures, {
    ...{ weights: values.weights, layers: sizes.layers, hidden: sizes.hidden, vocab: sizes.vocab, machine: machine() },
    steps: texts.map((batch, i) => ({
      texts: batch,
      kernels: Object.fromEntries(kernels.map((kernel, k) => [kernel, sums[i]?.[k] ?? 0])),
    })),
  });
for (const decoder of decoders) decoder.dispose();
