/**
 * Parity, speed and memory of WebGPU on a real card, as one bundle for a machine that has neither Node modules nor a network: see README.md.
 * `node main.mjs [soak] [timings] [decode] [prefill] [train] [losses] [parity]`, all by default; what is said goes to gpu.txt in the folder that OUT names, figures to gpu.json,
 * beside those that are there: bench/gpu/keep.ts takes them into docs/measured. ONLY is a pattern of the names of what is run.
 * A trial is made smaller by LAYERS, by SHRINK, which divides widths and lengths (prefill, train, losses), TOKENS and WEIGHTS (`f32,int8`) of decoding, STEPS and PRECISIONS (`f32,f16`)
 * of training, SOAK_STEPS, SOAK_LENGTHS, LOSS_STEPS, LOSS_LENGTH and LOSS_RATE, the learning rate.
 * CHOICES, as JSON, says which of several ways kernels go: see `gpuChoices`. REPLAY=0 trains without replaying steps; TOGGLES adds features of Dawn.
 */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { gpuChoices } from '@densessm/kernels/internal';
import { runDecoding } from './gpu/decode';
import { startDevice } from './gpu/device';
import { runLosses } from './gpu/losses';
import { runParity } from './gpu/parity';
import { runPrefill } from './gpu/prefill';
import { runSoak } from './gpu/soak';
import { runTimings } from './gpu/timings';
import { runTraining } from './gpu/training';
import { type Figure, keepMeasured, type Run } from './lib/measured';

/** What the bundle was built from: tsup.config.ts. */
declare const BUILT_FROM: string;

const { OUT, ONLY, LAYERS, SHRINK = '1', TOKENS = '100', WEIGHTS, STEPS = '6', PRECISIONS = 'f32,f16', ...more } = process.env;
const { SOAK_STEPS = '10000', SOAK_LENGTHS = '300', LOSS_STEPS = '200', LOSS_LENGTH = '512', LOSS_RATE = '3e-4', CHOICES } = more;
const began = performance.now();
const say = (line: string): void => {
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  if (OUT) appendFileSync(join(OUT, 'gpu.txt'), `${line}\n`);
};

const only = new RegExp(ONLY ?? '');
const sizes = { layers: LAYERS ? Number(LAYERS) : undefined, shrink: Number(SHRINK) };
const about = await startDevice();
say(`${about}; built from ${BUILT_FROM}; ${process.argv.slice(2).join(' ') || 'all'}`);
const run: Run = {
  ...{ date: new Date().toISOString(), commit: BUILT_FROM, machine: about.replace(/^webgpu: |, \d+ kernels of ours.*$/g, '') },
  software: `Node ${process.versions.node}, Dawn (npm webgpu), Vulkan`,
  ...(LAYERS || sizes.shrink !== 1 ? { isTrial: true } : {}),
};
const keep = (figure: Figure): void => {
  if (OUT) keepMeasured(join(OUT, 'gpu.json'), { runs: [run], figures: [{ ...figure, run: run.date }] });
};

Object.assign(gpuChoices, JSON.parse(CHOICES ?? '{}'));

const parts: Readonly<Record<string, () => Promise<unknown>>> = {
  soak: () => runSoak(say, keep, { steps: Number(SOAK_STEPS), lengths: Number(SOAK_LENGTHS) }),
  timings: () => runTimings(say, keep, only),
  decode: () => runDecoding(say, keep, { tokens: Number(TOKENS), layers: sizes.layers, types: WEIGHTS?.split(','), only }),
  prefill: () => runPrefill(say, keep, sizes, only),
  train: () => runTraining(say, keep, { ...sizes, steps: Number(STEPS), only }, PRECISIONS.split(',') as ('f32' | 'f16')[]),
  losses: () => runLosses(say, keep, { ...sizes, steps: Number(LOSS_STEPS), length: Number(LOSS_LENGTH), learningRate: Number(LOSS_RATE) }),
  parity: async () => {
    const off = await runParity(say, keep, only);
    say(off === 0 ? 'all kernels agree with their references' : `${off} quantities are off`);
    return off;
  },
};
const asked = process.argv.slice(2);
const unknown = asked.filter((part) => !(part in parts));
if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);

let failed = 0;
for (const [part, measure] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(part)) continue;
  const found = await measure();
  if (typeof found === 'number') failed += found;
}
process.exit(failed === 0 ? 0 : 1); // Node stays while Dawn's instance is referenced
