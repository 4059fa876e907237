/**
 * `node scripts/run.mjs bench/distributed/outer-steps.ts --every 20`: held-out loss of two processes that meet every so many steps (0 at every step),
 * played by trainers of one process, so that it needs no MPI: a small Mamba on the documents of this repository, byte by byte.
 * Options: --every, --rate, --momentum, --ranks (1 is one process alone with its own batches), --steps, --seed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { mamba } from '@densessm/mamba';
import { startBackend } from '@densessm/runtime-node';
import { adamW, cosineSchedule, evaluationBlocks, randomBlocks, sourcePart, Trainer, tokenSource } from '@densessm/train';
import { localPeers } from '../../packages/train/src/test-support/local-peers';

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: { every: text('0'), rate: text('0.7'), momentum: text('0.9'), ranks: text('2'), steps: text('240'), seed: text('1') },
});
const [every, learningRate, momentum, ranks, steps, seed] = [
  values.every,
  values.rate,
  values.momentum,
  values.ranks,
  values.steps,
  values.seed,
].map(Number) as [number, number, number, number, number, number];
await startBackend({ device: 'wasm', threads: 1 });
const files = ['docs', 'packages', 'apps'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /^[^.]+\.md$/.test(name) && !/node_modules/.test(name))
    .sort()
    .map((name) => `${folder}/${name}`),
);
const all = tokenSource(Buffer.concat(files.map((name) => readFileSync(name))));
const border = Math.floor(0.9 * all.length);
const held = evaluationBlocks(sourcePart(all, border, all.length), { batchSize: 8, blockSize: 64, maxBlocks: 64 });
const config = mamba.parseConfig({ model_type: 'mamba', vocab_size: 256, hidden_size: 32, num_hidden_layers: 2, state_size: 8 });
const trainers = localPeers(ranks).map(
  (peers) =>
    new Trainer({
      ...{
        model: mamba,
        config,
        params: mamba.init(config, seed),
        optimizer: adamW({ beta2: 0.99, weightDecay: 0.1 }),
        gradClip: 1,
        peers,
      },
      schedule: cosineSchedule({ learningRate: 5e-3, warmupSteps: 12, maxSteps: steps }),
      sampler: randomBlocks(sourcePart(all, 0, border), { batchSize: 4, blockSize: 32, seed }),
      ...(every > 0 && { outer: { every, learningRate, momentum } }),
    }),
);
process.stdout.write(`${all.length} bytes of ${files.length} documents; ${JSON.stringify(values)}\n`);
for (let step = 0; step < steps; step++) {
  await Promise.all(trainers.map((trainer) => trainer.step()));
  if ((step + 1) % 60 !== 0) continue;
  const [result] = await Promise.all(trainers.map((trainer) => trainer.evaluate(held)));
  process.stdout.write(`step ${step + 1}  held-out loss ${result?.loss.toFixed(4)}\n`);
}
