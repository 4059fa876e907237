import { matMul } from '@densessm/kernels';
import { startBackend } from '@densessm/runtime-node';
import { dispose, randomUniform, type Tensor, matMul as tfMatMul } from '@tensorflow/tfjs-core';
import { type Figure, speedOf } from './figures';
import { type Times, timeInTurns } from './rounds';
import type { Section } from './section';

interface Form {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}
const FORMS: Readonly<Record<string, Form>> = { A·B: {}, A·Bᵀ: { transposeB: true }, Aᵀ·B: { transposeA: true } };
const SIZE = 1024;
const AIMS: Record<number, number> = { 1: 40, 2: 60 };

type Product = (a: Tensor, b: Tensor, form: Form) => Tensor;
const ours: Product = (a, b, form) => matMul({ a, b }, form);
const theirs: Product = (a, b, { transposeA, transposeB }) => tfMatMul(a, b, transposeA, transposeB);

export const products: Section = {
  name: 'products',
  what: `matrices of ${SIZE} × ${SIZE}, all transposes, and those of TensorFlow.js, which has one thread in Node`,
  measure: async ({ options: { threads, seconds } }) => {
    const [a, b] = [randomUniform([SIZE, SIZE], -1, 1), randomUniform([SIZE, SIZE], -1, 1)];
    const entrants = Object.keys(FORMS).flatMap((name) => [
      ...threads.map((count) => ({ name, count, product: ours })),
      { name, count: 1, product: theirs },
    ]);
    const times = await timeInTurns(entrants, seconds / 4, async ({ name, count, product }) => {
      const form = FORMS[name] as Form;
      await startBackend({ device: 'wasm', threads: count });
      product(a, b, form).dispose(); // the threads are warm
      const start = performance.now();
      product(a, b, form).dispose();
      return performance.now() - start;
    });
    dispose([a, b]);
    const speeds = times.map((taken) => speedOf(2e-9 * SIZE ** 3, taken as Times));
    return entrants.flatMap(({ name, count, product }, i): Figure[] => {
      if (product === theirs) return [];
      const other = entrants.findIndex((one) => one.name === name && one.product === theirs);
      const against = count === 1 ? { against: { name: 'TensorFlow.js', speed: speeds[other] } } : {};
      const aim = AIMS[count] === undefined ? {} : { aim: `≥ ${AIMS[count]} GFLOP/s` };
      const common = { section: 'products', dtype: 'f32', threads: count, unit: 'GFLOP/s' };
      return [{ ...common, what: `${name}, ${SIZE}`, ours: speeds[i] as Figure['ours'], ...against, ...aim }];
    });
  },
};
