/** What each process of `distributed.ts` does; the first writes its report as a line of JSON. */
import { writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { endProcess, launcherOf, openMpi } from '@densessm/distributed';
import { mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-node';
import { countParams } from '@densessm/ssm-core';
import { adamW, randomBlocks, Trainer, tokenSource } from '@densessm/train';
import type { Timing } from './cost';

export interface RankReport {
  readonly ranks: number;
  readonly threads: number;
  readonly parameters: number;
  /** Medians. */
  readonly secondsPerStep: number;
  readonly waitedPerStep: number;
  readonly bytesPerStep: number;
  readonly allReduce: readonly Timing[];
}

const [hidden = 128, layers = 4, batchSize = 12, blockSize = 64, steps = 20] = process.argv.slice(2).map(Number);
const world = launcherOf(process.env) ? await openMpi() : undefined;
const threads = Math.max(1, Math.floor(availableParallelism() / (world?.localSize ?? 1)));
await startBackend({ device: 'wasm', threads });

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function timeAllReduce(bytes: number): Promise<Timing> {
  const values = new Float32Array(bytes / 4);
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    await world?.barrier();
    const began = performance.now();
    await world?.allReduce(values);
    times.push((performance.now() - began) / 1000);
  }
  return { bytes, seconds: median(times) };
}

const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 65, hidden_size: hidden, num_hidden_layers: layers });
const source = tokenSource(Uint8Array.from({ length: 50_000 }, (_, i) => (i * i + (i >> 3)) % 65));
const trainer = new Trainer({
  ...{ model: mamba, config, params: mamba.init(config, 1), optimizer: adamW(), schedule: () => 1e-3, gradClip: 1 },
  ...{ sampler: randomBlocks(source, { batchSize, blockSize, seed: 1 }), peers: world },
});
await trainer.step();
const before = world?.traffic;
const [seconds, waited]: [number[], number[]] = [[], []];
for (let i = 0; i < steps; i++) {
  const at = world?.traffic.milliseconds ?? 0;
  seconds.push((await trainer.step()).seconds);
  waited.push(((world?.traffic.milliseconds ?? 0) - at) / 1000);
}
const bytesPerStep = ((world?.traffic.bytes ?? 0) - (before?.bytes ?? 0)) / steps;
const allReduce: Timing[] = [];
if (world) for (const bytes of [64, 2 ** 14, 2 ** 17, 2 ** 20, 2 ** 23]) allReduce.push(await timeAllReduce(bytes));
const report: RankReport = {
  ...{ ranks: world?.size ?? 1, threads, parameters: countParams(mamba.spec(config)), secondsPerStep: median(seconds) },
  ...{ waitedPerStep: median(waited), bytesPerStep, allReduce },
};
if ((world?.rank ?? 0) === 0) writeSync(1, `${JSON.stringify(report)}\n`);
trainer.dispose();
await world?.close();
if (world) await endProcess(0);
