/**
 * `node scripts/run.mjs bench/packed.ts [threads]`: products with packed weights beside our matMul with the same weights as a tensor, in turns in
 * one run, in GFLOP/s. Best of many rounds on the clock.
 */
import { cpus, loadavg } from 'node:os';
import { DecodeWorkspace, matMul } from '@densessm/kernels';
import { startBackend } from '@densessm/runtime-node';
import { WEIGHT_TYPES } from '@densessm/ssm-core';
import { dispose, randomUniform } from '@tensorflow/tfjs-core';
import { alignTable } from '../scripts/lib/table';

const ROWS = [1, 2, 4, 7, 8, 12, 16, 32, 64, 512];
/** In, out. */
const SIZES = [
  [768, 3072],
  [1536, 768],
] as const;
const ROUNDS = 15;
const WORK = 1e9;

/** Least time of each, in ms. */
function race(runs: readonly (() => void)[]): number[] {
  const best = runs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, run] of runs.entries()) {
      const start = performance.now();
      run();
      best[i] = Math.min(best[i] as number, performance.now() - start);
    }
  }
  return best;
}

async function measure(rows: number, width: number, out: number): Promise<string[]> {
  const work = new DecodeWorkspace();
  const [a, b] = [randomUniform([rows, width], -1, 1), randomUniform([out, width], -1, 1)];
  const x = await work.copyOf(a);
  const y = work.floats(rows * out);
  const packed = await Promise.all(WEIGHT_TYPES.map((type) => work.matrix(b, { type })));
  const flops = 2 * rows * width * out;
  const times = Math.max(1, Math.round(WORK / flops));
  const repeat = (run: () => void) => () => {
    for (let i = 0; i < times; i++) run();
  };
  const runs = [() => matMul({ a, b }, { transposeB: true }).dispose(), ...packed.map((weights) => () => weights.run(x, y, rows))];
  const rates = race(runs.map(repeat)).map((ms) => ((flops * times) / ms / 1e6).toFixed(1));
  dispose([a, b]);
  work.dispose();
  return [`${rows} × [${width}, ${out}]`, ...rates];
}

const { reason } = await startBackend({ device: 'wasm', threads: Number(process.argv[2] ?? 1) });
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}\n`);
const table = [['product', 'matMul', ...WEIGHT_TYPES]];
for (const [width, out] of SIZES) for (const rows of ROWS) table.push(await measure(rows, width, out));
for (const line of alignTable(table)) console.log(line);
