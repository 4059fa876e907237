/**
 * `node scripts/run.mjs bench/trainer.ts`: whole training steps with the trainer (forward, backward, clipping, AdamW) on random tokens:
 * tokens per second at the median and at best, by the clock and by the processor time of this process, and what the host alone takes:
 * the same layers, narrow and with four tokens. bench/peers/train_torch.py does the same steps in PyTorch.
 * Options: --model (a name in packages/conformance/src/six-models.ts), --hidden, --layers, --batch, --length, --vocab, --steps, --threads.
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { sixModels } from '@densessm/conformance';
import { startBackend } from '@densessm/runtime-node';
import { countParams } from '@densessm/ssm-core';
import { adamW, constantSchedule, randomBlocks, Trainer, tokenSource } from '@densessm/train';
import { alignTable } from '../scripts/lib/table';
import { keepForDocs } from './lib/keep';

interface Sizes {
  hidden: number;
  layers: number;
  batch: number;
  length: number;
  vocab: number;
}

function readOptions() {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const { values } = parseArgs({
    options: {
      model: text('Mamba'),
      hidden: text('128'),
      layers: text('4'),
      batch: text('12'),
      length: text('64'),
      vocab: text('65'),
      steps: text('20'),
      threads: text(String(availableParallelism())),
    },
  });
  const { model, steps, threads, ...sizes } = values;
  const numbers = Object.fromEntries(Object.entries(sizes).map(([name, value]) => [name, Number(value)]));
  return { model, steps: Number(steps), threads: Number(threads), sizes: numbers as unknown as Sizes };
}

/** Wall and processor time of each step in milliseconds, after two that allocate and compile. */
async function timeSteps(name: string, { hidden, layers, batch, length, vocab }: Sizes, steps: number) {
  const chosen = sixModels({ vocabSize: vocab, hiddenSize: hidden, layers, heads: 4 }).find((one) => one.name === name);
  if (chosen === undefined) throw new Error(`there is no model ${name}`);
  const { model, json } = chosen;
  const config = model.parseConfig(json);
  const source = tokenSource(Int32Array.from({ length: 50_000 }, (_, i) => (i * 7919 + (i >> 5)) % vocab));
  const sampler = randomBlocks(source, { batchSize: batch, blockSize: length, seed: 1 });
  const optimizer = adamW({ beta2: 0.99, weightDecay: 0.1 });
  const schedule = constantSchedule({ learningRate: 1e-3 });
  const trainer = new Trainer({ model, config, params: model.init(config, 1), optimizer, schedule, sampler, gradClip: 1 });
  const [wall, processor]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps + 2; step++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    await trainer.step();
    const { user, system } = process.cpuUsage(used);
    if (step < 2) continue;
    wall.push(performance.now() - start);
    processor.push((user + system) / 1000);
  }
  trainer.dispose();
  return { parameters: countParams(model.spec(config)), wall: summary(wall), processor: summary(processor) };
}

function summary(times: readonly number[]): { median: number; least: number } {
  const sorted = [...times].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, least: sorted[0] ?? Number.NaN };
}

const { model, steps, threads, sizes } = readOptions();
const { reason } = await startBackend({ device: 'wasm', threads });
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}`);
const full = await timeSteps(model, sizes, steps);
const host = await timeSteps(model, { ...sizes, hidden: 8, batch: 1, length: 4 }, steps);
const tokens = sizes.batch * sizes.length;
console.log(
  `${model}, ${(full.parameters / 1e6).toFixed(2)} M parameters, ${sizes.layers} layers, hidden ${sizes.hidden}, ${sizes.batch} × ${sizes.length} tokens, float32\n`,
);
const row = (name: string, { median, least }: { median: number; least: number }, count?: number) => [
  name,
  median.toFixed(1),
  least.toFixed(1),
  count === undefined ? '' : ((count * 1000) / median).toFixed(0),
  count === undefined ? '' : ((count * 1000) / least).toFixed(0),
];
const rows = [
  ['step', 'median ms', 'least ms', 'tokens/s', 'at best'],
  row('by the clock', full.wall, tokens),
  row('processor time', full.processor, tokens),
  row('hardly any arithmetic', host.processor),
];
for (const line of alignTable(rows)) console.log(line);
const speed = { rate: (1000 * tokens) / full.wall.least, median: (1000 * tokens) / full.wall.median, unit: 'tokens/s' };
const identity = { part: 'trainer', name: model, dtype: 'f32', threads, batch: sizes.batch, length: sizes.length };
keepForDocs(new Date().toISOString(), reason, [{ ...identity, ...speed }]);
