/**
 * Parity and speed of the WebGPU kernels on a real card, as one bundle for a machine that has neither Node modules nor a network: see README.md.
 * `node main.mjs [parity] [timings] [decode] [train]`; a table goes to the folder that OUT names. LAYERS, TOKENS and WEIGHTS (`f32,int8`)
 * make decoding shorter; LAYERS, STEPS, PRECISIONS (`f32,f16`) and SHRINK, which divides widths and lengths, training. ONLY
 * is a pattern of the names of what is run. CHOICES, as JSON, says which of several ways kernels go: see `gpuChoices`. REPLAY=0 trains
 * without replaying steps; TOGGLES adds features of Dawn.
 */
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gpuChoices } from '@densessm/kernels/internal';
import { runDecoding } from './gpu/decode';
import { startDevice } from './gpu/device';
import { runParity } from './gpu/parity';
import { runTimings } from './gpu/timings';
import { runTraining } from './gpu/training';

const began = performance.now();
const lines: string[] = [];
const { OUT } = process.env;
const say = (line: string): void => {
  lines.push(line);
  console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  if (OUT) writeFileSync(join(OUT, 'gpu.txt'), `${lines.join('\n')}\n`);
};

const only = new RegExp(process.env.ONLY ?? '');
const asked = process.argv.slice(2);
const does = (part: string): boolean => asked.length === 0 || asked.includes(part);

Object.assign(gpuChoices, JSON.parse(process.env.CHOICES ?? '{}'));

say(await startDevice());
let off = 0;
if (does('timings')) {
  const timed = await runTimings(say, only);
  if (OUT) writeFileSync(join(OUT, 'gpu.json'), JSON.stringify(timed, null, 2));
}
if (does('decode')) {
  const { LAYERS, TOKENS = '100', WEIGHTS } = process.env;
  const decoded = await runDecoding(say, {
    tokens: Number(TOKENS),
    layers: LAYERS ? Number(LAYERS) : undefined,
    types: WEIGHTS?.split(','),
  });
  if (OUT) writeFileSync(join(OUT, 'gpu-decode.json'), JSON.stringify(decoded, null, 2));
}
if (does('train')) {
  const { LAYERS, STEPS = '6', SHRINK = '1', PRECISIONS = 'f32,f16' } = process.env;
  const sizes = { layers: LAYERS ? Number(LAYERS) : undefined, shrink: Number(SHRINK), steps: Number(STEPS), only };
  const trained = await runTraining(say, sizes, PRECISIONS.split(',') as ('f32' | 'f16')[]);
  if (OUT) writeFileSync(join(OUT, 'gpu-train.json'), JSON.stringify(trained, null, 2));
}
if (does('parity')) {
  off = await runParity(say, only);
  say(off === 0 ? 'all kernels agree with their references' : `${off} quantities are off`);
}
process.exit(off === 0 ? 0 : 1); // Node stays while Dawn's instance is referenced
