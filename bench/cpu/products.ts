import { matMul } from '@densessm/kernels';
import { startBackend } from '@densessm/runtime-node';
import { dispose, randomUniform } from '@tensorflow/tfjs-core';
import { type Figure, speedOf } from './figures';
import { type Times, timeInTurns } from './rounds';
import type { Section } from './section';

const FORMS = { A·B: {}, A·Bᵀ: { transposeB: true }, Aᵀ·B: { transposeA: true } };
const SIZE = 1024;
const AIMS: Record<number, number> = { 1: 40, 2: 60 };

export const products: Section = {
  name: 'products',
  what: `matrices of ${SIZE} × ${SIZE}, all transposes`,
  measure: async ({ options: { threads, seconds } }) => {
    const [a, b] = [randomUniform([SIZE, SIZE], -1, 1), randomUniform([SIZE, SIZE], -1, 1)];
    const entrants = threads.flatMap((count) => Object.entries(FORMS).map(([form, attrs]) => ({ count, form, attrs })));
    const times = await timeInTurns(entrants, seconds / 4, async ({ count, attrs }) => {
      await startBackend({ device: 'wasm', threads: count });
      matMul({ a, b }, attrs).dispose(); // the threads are warm
      const start = performance.now();
      matMul({ a, b }, attrs).dispose();
      return performance.now() - start;
    });
    dispose([a, b]);
    return entrants.map(({ count, form }, i): Figure => {
      const ours = speedOf(2e-9 * SIZE ** 3, times[i] as Times);
      const aim = AIMS[count] === undefined ? {} : { aim: `≥ ${AIMS[count]} GFLOP/s` };
      return { section: 'products', what: `${form}, ${SIZE}`, dtype: 'f32', threads: count, unit: 'GFLOP/s', ours, ...aim };
    });
  },
};
