/**
 * `node scripts/run.mjs bench/packed.ts [threads]`: products with packed weights beside our matMul with the same weights as a tensor, in turns in
 * one run, in GFLOP/s. Best of many short rounds on the clock, so that some of them have the processor to themselves.
 */
import { cpus, loadavg } from 'node:os';
import { matMul } from '@densessm/kernels';
import { type DecodeProgram, runtimeOf } from '@densessm/kernels/decode';
import { PackedLinear } from '@densessm/kernels/wasm';
import { startBackend } from '@densessm/runtime-node';
import { WEIGHT_TYPES } from '@densessm/ssm-core';
import { dispose, randomUniform, type Tensor } from '@tensorflow/tfjs-core';
import { alignTable } from '../scripts/lib/table';

const ROWS = [1, 2, 4, 8, 16, 32, 64, 512];
/** In, out. */
const SIZES = [
  [768, 3072],
  [1536, 768],
] as const;
const ROUNDS = 300;
/** Floating point operations of a round: about a millisecond. */
const WORK = 4e7;

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

/** A program of one product. */
async function recorded(rows: number, matrix: PackedLinear, x: Tensor): Promise<DecodeProgram> {
  const program = runtimeOf()?.decodeProgram?.({ where: 'bench', batch: rows }) as DecodeProgram;
  program.products([{ matrix, x: await program.constantOf(x), y: program.zeros(rows * matrix.out) }]);
  return program;
}

async function measure(rows: number, width: number, out: number): Promise<string[]> {
  const [a, b] = [randomUniform([rows, width], -1, 1), randomUniform([out, width], -1, 1)];
  const values = (await b.data()) as Float32Array;
  const matrices = WEIGHT_TYPES.map((type) => PackedLinear.pack(values, [out, width], { type }));
  const programs = await Promise.all(matrices.map((matrix) => recorded(rows, matrix, a)));
  const flops = 2 * rows * width * out;
  const times = Math.max(1, Math.round(WORK / flops));
  const repeat = (run: () => void) => () => {
    for (let i = 0; i < times; i++) run();
  };
  const runs = [() => matMul({ a, b }, { transposeB: true }).dispose(), ...programs.map((program) => () => program.submit([]))];
  const rates = race(runs.map(repeat)).map((ms) => ((flops * times) / ms / 1e6).toFixed(1));
  dispose([a, b]);
  for (const one of [...programs, ...matrices]) one.dispose();
  return [`${rows} × [${width}, ${out}]`, ...rates];
}

const { reason } = await startBackend({ device: 'wasm', threads: Number(process.argv[2] ?? 1) });
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}\n`);
const table = [['product', 'matMul', ...WEIGHT_TYPES]];
for (const [width, out] of SIZES) for (const rows of ROWS) table.push(await measure(rows, width, out));
for (const line of alignTable(table)) console.log(line);
