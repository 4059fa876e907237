import { leavesOf, type WeightType, weightTypeOf } from '@densessm/ssm-core';
import { build } from '../../scripts/checks/sources.mjs';
import { setup } from '../../scripts/setup.mjs';
import type { Figure, Speed } from './figures';
import { denseRetNet350m, folderOf, type Measured, smallMamba } from './models';
import { startBuilt } from './reader-process';
import type { Section } from './section';

const BITS: Record<WeightType, number> = { f32: 32, bf16: 16, int8: 8.5, int4: 4.5 };
const MEBIBYTE = 2 ** 20;
const ALLOWED = 200;
const READ = 64;

export const memory: Section = {
  name: 'memory',
  what: 'what a process holds that only decodes, a fresh one each time, beside its packed weights',
  measure: async ({ options, work }) => {
    await buildPackages();
    const figures: Figure[] = [];
    const models = [smallMamba(options), denseRetNet350m(options)].filter(({ model }) => model.decoder !== undefined);
    const threads = Math.max(...options.threads);
    for (const measured of models) {
      for (const dtype of Object.keys(BITS) as WeightType[]) {
        const reader = await startBuilt(await folderOf(work, measured), dtype, threads);
        await reader.ask(`decode ${READ}`);
        const resident = (await reader.ask('memory')) / MEBIBYTE;
        await reader.close();
        const packed = packedBytes(measured, dtype) / MEBIBYTE;
        const figure = { section: 'memory', what: measured.name, dtype, threads, unit: 'MiB', ours: constant(resident) };
        figures.push({
          ...figure,
          against: { name: 'packed weights', speed: constant(packed) },
          aim: `≤ ${(packed + ALLOWED).toFixed(0)} MiB`,
        });
      }
    }
    return figures;
  },
};

async function buildPackages(): Promise<void> {
  const { failed } = await build(await setup());
  if (failed > 0) throw new Error('the packages cannot be built; `npm test` says why');
}

const constant = (value: number): Speed => ({ best: value, median: value });

/** What a packed model takes: of its matrices the packed ones, other tensors in float32. */
function packedBytes({ model, json }: Measured, type: WeightType): number {
  let bytes = 0;
  for (const leaf of leavesOf(model.spec(model.parseConfig(json)))) {
    const size = leaf.shape.reduce((product, side) => product * side, 1);
    bytes += (size * BITS[(leaf.kind === 'param' && weightTypeOf(leaf, type)) || 'f32']) / 8;
  }
  return bytes;
}
