import { startBackend } from '@densessm/runtime-node';
import { makeStep } from '../lib/training-step';
import { type Figure, speedOf } from './figures';
import { denseRetNet350m, folderOf, type Measured, smallDenseMamba, smallMamba } from './models';
import { ReaderProcess, startOurs } from './reader-process';
import { timeInTurns } from './rounds';
import type { Run, Section } from './section';
import { parseSizes, sizesInWords } from './training';

export const dense: Section = {
  name: 'dense',
  what: 'what connections to one layer below (m = 1) cost',
  measure: async (run) => [
    ...(await decodePair(run, smallDenseMamba(run.options), smallMamba(run.options))),
    ...(await decodePair(run, denseRetNet350m(run.options, 1), denseRetNet350m(run.options, 0))),
    ...(await trainPairs(run)),
  ],
};

async function decodePair(run: Run, dense: Measured, plain: Measured): Promise<Figure[]> {
  if (dense.model.decoder === undefined) {
    run.notes.add(`${dense.name} has no decoder yet: its row is left out.`);
    return [];
  }
  const { seconds, tokens } = run.options;
  const threads = Math.max(...run.options.threads);
  const start = async (one: Measured) => startOurs(await folderOf(run.work, one), 'int8', threads, 'decode');
  const readers = [await start(dense), await start(plain)] as const;
  const [ours, theirs] = await timeInTurns(readers, seconds / 2, async (reader) => {
    await reader.ask('decode 2');
    return reader.ask(`decode ${tokens}`);
  });
  await ReaderProcess.closeAll();
  const against = { name: plain.name, speed: speedOf(tokens, theirs) };
  return [
    {
      section: 'dense',
      what: `decode ${dense.name}`,
      dtype: 'int8',
      threads,
      unit: 'tokens/s',
      ours: speedOf(tokens, ours),
      against,
      aim: '≥ 0.95',
    },
  ];
}

/** Names in packages/conformance/src/six-models.ts, dense beside plain, with what makes the config m = 1 and m = 0. */
const PAIRS = [
  { name: 'DenseMamba', plain: 'Mamba', changes: {} },
  { name: 'DenseRetNet', plain: 'DenseRetNet', changes: { dense_block_layers: 0 } },
] as const;

async function trainPairs({ options }: Run): Promise<Figure[]> {
  const threads = Math.max(...options.threads);
  await startBackend({ device: 'wasm', threads });
  const figures: Figure[] = [];
  for (const words of options.steps) {
    const sizes = parseSizes(words);
    for (const { name, plain, changes } of PAIRS) {
      const steps = [makeStep(name, sizes, { dense_block_layers: 1 }), makeStep(plain, sizes, changes)] as const;
      const [ours, theirs] = await timeInTurns(steps, options.seconds / 2, async (step) => {
        const start = performance.now();
        await step();
        return performance.now() - start;
      });
      const tokens = sizes.batch * sizes.length;
      const against = { name: name === plain ? `${plain}, m = 0` : plain, speed: speedOf(tokens, theirs) };
      const figure = { section: 'dense', what: `train ${name}, ${sizesInWords(sizes)}`, dtype: 'f32', threads, unit: 'tokens/s' };
      figures.push({ ...figure, ours: speedOf(tokens, ours), against, aim: '≥ 0.8' });
    }
  }
  return figures;
}
