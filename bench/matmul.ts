/**
 * `node scripts/run.mjs bench/matmul.ts`: our matMul on wasm beside tfjs's own, in the same run. Best of several rounds in GFLOP/s,
 * by the processor time that the process used, so that other programs on the machine disturb less. One thread; cpu.ts compares several.
 */
import { cpus, loadavg } from 'node:os';
import { matMul } from '@densessm/kernels';
import { startBackend } from '@densessm/runtime-node';
import { dispose, randomUniform, type Tensor, matMul as tfMatMul } from '@tensorflow/tfjs-core';
import { alignTable } from '../scripts/lib/table';

interface Form {
  name: string;
  transposeA: boolean;
  transposeB: boolean;
}
type Product = (a: Tensor, b: Tensor, form: Form) => Tensor;

const forms: Form[] = [
  { name: 'A·B', transposeA: false, transposeB: false },
  { name: 'A·Bᵀ', transposeA: false, transposeB: true },
  { name: 'Aᵀ·B', transposeA: true, transposeB: false },
];
/** Batch, M, K, N. */
const sizes: [number, number, number, number][] = [
  [1, 256, 256, 256],
  [1, 512, 512, 512],
  [1, 1024, 1024, 1024],
  [8, 128, 64, 128],
  [1, 1, 768, 3072],
  [1, 5, 768, 3072],
];
const BUDGET_MS = 1500;

const used = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

function gigaflops(product: Product, form: Form, [batch, m, k, n]: [number, number, number, number]): number {
  const a = randomUniform([batch, ...(form.transposeA ? [k, m] : [m, k])], -1, 1);
  const b = randomUniform([batch, ...(form.transposeB ? [n, k] : [k, n])], -1, 1);
  const work = 2 * batch * m * k * n;
  const times = Math.max(1, Math.round(1e8 / work));
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + BUDGET_MS;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    const start = used();
    for (let i = 0; i < times; i++) product(a, b, form).dispose();
    best = Math.min(best, (used() - start) / times);
  }
  dispose([a, b]);
  return work / best / 1e6;
}

const ours: Product = (a, b, { transposeA, transposeB }) => matMul({ a, b }, { transposeA, transposeB });
const stock: Product = (a, b, { transposeA, transposeB }) => tfMatMul(a, b, transposeA, transposeB);

const { reason } = await startBackend({ device: 'wasm', threads: 1 });
console.log(`${cpus()[0]?.model}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}; ${reason}\n`);
gigaflops(ours, { name: 'warm-up', transposeA: false, transposeB: false }, [1, 64, 64, 64]); // V8 compiles twice, the second time for speed
const rows = sizes.flatMap((size) =>
  forms.map((form) => {
    const [mine, theirs] = [gigaflops(ours, form, size), gigaflops(stock, form, size)];
    const [batch, m, k, n] = size;
    return [`${batch} × [${m}, ${k}] × [${k}, ${n}]`, form.name, mine.toFixed(1), theirs.toFixed(1), (mine / theirs).toFixed(1)];
  }),
);
for (const line of alignTable([['product', 'form', 'ours', 'tfjs', 'ratio'], ...rows])) console.log(line);
