/**
 * `node scripts/run.mjs bench/quantized.ts --text tinyshakespeare.txt [--work FOLDER] [--seeds 1337,1,2] [--steps 600] [--figures docs/measured/quantized.json]`: what rounding
 * weights costs. Trains a small Mamba and a small DenseRetNet on the first 90 % of a text, rounds their weights with `densessm convert`, and evaluates each on the first
 * 60,000 letters of the rest with `densessm eval`; of the first seed's Mamba also token by token with decoders. A figure: `perplexity` per letter, and `bytes` of the file.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packParams } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { loadPretrained, startBackend } from '@densessm/runtime-node';
import { disposeTree, registerModel, WEIGHT_TYPES, type WeightType } from '@densessm/ssm-core';
import { tokenizerFromJson } from '@densessm/tokenizer';
import { capture, root } from '../scripts/lib/command.mjs';
import { type Figure, keepMeasured } from './lib/measured';
import { commit, machine } from './lib/results';

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: { text: text(''), work: text(''), seeds: text('1337,1,2'), steps: text('600'), figures: text('') },
});
if (values.text === '') throw new Error('name a text with --text');
const work = values.work ? resolve(values.work) : mkdtempSync(join(tmpdir(), 'densessm-quantized-'));
mkdirSync(work, { recursive: true });
const [HELD_OUT, DECODED] = [60_000, 20_000];

async function densessm(...parameters: string[]): Promise<string> {
  const { code, output, stdout } = await capture([
    process.execPath,
    join(root, 'scripts', 'run.mjs'),
    'apps/trainer/src/cli.ts',
    ...parameters,
  ]);
  if (code !== 0) throw new Error(`densessm ${parameters.join(' ')}\n${output}`);
  return stdout;
}

const whole = [...readFileSync(values.text, 'utf8')];
const cut = Math.floor(0.9 * whole.length);
const [learned, heldOut] = [join(work, 'train.txt'), join(work, 'held-out.txt')];
writeFileSync(learned, whole.slice(0, cut).join(''));
writeFileSync(heldOut, whole.slice(cut, cut + HELD_OUT).join(''));

const date = new Date().toISOString();
const { cpu, cores, node } = machine();
const run = { date, commit: commit(), machine: `${cpu}, ${cores} cores`, software: `Node ${node}, WebAssembly` };
function keep(figure: Figure): void {
  if (values.figures) keepMeasured(values.figures, { runs: [run], figures: [{ ...figure, run: date }] });
  console.log(JSON.stringify(figure));
}

async function perplexityOf(folder: string): Promise<number> {
  const { results } = JSON.parse(await densessm('eval', folder, '--perplexity', heldOut, '--json')) as {
    results: Record<string, Record<string, number>>;
  };
  const [found] = Object.values(results);
  const value = Object.entries(found ?? {}).find(([name]) => name.startsWith('token_perplexity'))?.[1];
  if (value === undefined) throw new Error(`no token_perplexity among ${JSON.stringify(results)}`);
  return value;
}

const bytesOf = (folder: string): number => statSync(join(folder, 'model.safetensors')).size;

/** Of the first letters, each read by a decoder after the other. */
async function decodedPerplexity(folder: string, weights: WeightType): Promise<number> {
  const { model, config, params } = await loadPretrained(folder);
  const tokenizer = tokenizerFromJson(JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')));
  const ids = tokenizer.encode(readFileSync(heldOut, 'utf8')).slice(0, DECODED);
  const packed = await packParams(model.spec(config), params as object, { weights });
  const decoder = await model.decoder?.(config, { batch: 1 })?.(packed);
  if (!decoder) throw new Error('the model has no decoder');
  let sum = 0;
  for (let i = 0; i + 1 < ids.length; i++) {
    const logits = await decoder.step([ids[i] as number]);
    const most = logits.reduce((a, b) => Math.max(a, b));
    sum += Math.log(logits.reduce((all, value) => all + Math.exp(value - most), 0)) + most - (logits[ids[i + 1] as number] as number);
  }
  decoder.dispose();
  disposeTree(packed);
  disposeTree(params as object);
  return Math.exp(sum / (ids.length - 1));
}

await startBackend({ device: 'wasm' });
registerModel(mamba);
for (const seed of values.seeds.split(',')) {
  for (const [name, preset] of [
    ['Mamba', 'tinyshakespeare-mamba'],
    ['DenseRetNet', 'tinyshakespeare-dense-retnet'],
  ] as const) {
    const folder = join(work, `${preset}-${seed}`);
    const options = [
      '--data',
      learned,
      '--preset',
      preset,
      '--max-steps',
      values.steps,
      '--seed',
      seed,
      '--out-dir',
      folder,
      '--overwrite',
    ];
    await densessm('train', ...options);
    for (const dtype of WEIGHT_TYPES) {
      const rounded = join(work, `${preset}-${seed}-${dtype}`);
      rmSync(rounded, { recursive: true, force: true });
      await densessm('convert', folder, rounded, '--dtype', dtype);
      keep({ part: 'file', name, dtype, seed, perplexity: await perplexityOf(rounded), bytes: bytesOf(rounded) });
      if (name === 'Mamba' && seed === values.seeds.split(',')[0])
        keep({ part: 'decoder', name, dtype, seed, perplexity: await decodedPerplexity(join(work, `${preset}-${seed}-f32`), dtype) });
    }
  }
}
if (values.work === '') rmSync(work, { recursive: true, force: true });
