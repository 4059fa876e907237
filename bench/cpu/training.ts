import { startBackend } from '@densessm/runtime-node';
import { makeStep, REPLACEABLE, type StepSizes, without } from '../lib/training-step';
import { type Figure, type Speed, speedOf } from './figures';
import { timeInTurns } from './rounds';
import type { Section } from './section';

/** Layers × hidden × batch × length. */
export const parseSizes = (words: string): StepSizes => {
  const [layers = 0, hidden = 0, batch = 0, length = 0] = words.split('x').map(Number);
  return { layers, hidden, batch, length, vocab: 65 };
};
export const sizesInWords = ({ layers, hidden, batch, length }: StepSizes): string => `${layers} × ${hidden}, ${batch} × ${length}`;

export const training: Section = {
  name: 'training',
  what: 'forward and backward of a Mamba, beside the references of our kernels, and with one thread and several',
  measure: async (run) => {
    const figures: Figure[] = [];
    for (const words of run.options.steps)
      figures.push(...(await measureSize(parseSizes(words), run.options.threads, run.options.seconds)));
    return figures;
  },
};

interface Entrant {
  threads: number;
  kernels: 'ours' | 'references';
}

async function measureSize(sizes: StepSizes, counts: readonly number[], seconds: number): Promise<Figure[]> {
  const step = makeStep('Mamba', sizes);
  const entrants = counts.flatMap((threads): Entrant[] => [
    { threads, kernels: 'ours' },
    { threads, kernels: 'references' },
  ]);
  const loss = await step();
  const times = await timeInTurns(entrants, seconds, async ({ threads, kernels }) => {
    await startBackend({ device: 'wasm', threads });
    let spent = 0;
    await without(kernels === 'ours' ? [] : REPLACEABLE, async () => {
      const start = performance.now();
      const got = await step();
      spent = performance.now() - start;
      if (!(Math.abs(got - loss) < 1e-3)) throw new Error(`the losses differ: ${got} and ${loss}`);
    });
    return spent;
  });
  const speed = (threads: number, kernels: Entrant['kernels']): Speed | undefined => {
    const taken = times[entrants.findIndex((entrant) => entrant.threads === threads && entrant.kernels === kernels)];
    return taken && speedOf(sizes.batch * sizes.length, taken);
  };
  return figuresOf(sizes, counts, speed);
}

function figuresOf(
  sizes: StepSizes,
  counts: readonly number[],
  speed: (threads: number, kernels: Entrant['kernels']) => Speed | undefined,
): Figure[] {
  return counts.flatMap((threads, i): Figure[] => {
    const ours = speed(threads, 'ours');
    if (ours === undefined) return [];
    const figure = { section: 'training', what: sizesInWords(sizes), dtype: 'f32', threads, unit: 'tokens/s', ours };
    const lines: Figure[] = [{ ...figure, against: { name: 'references', speed: speed(threads, 'references') }, aim: '≥ 3' }];
    const [first = 1] = counts;
    if (i > 0)
      lines.push({
        ...figure,
        against: { name: `${first} thread`, speed: speed(first, 'ours') },
        aim: threads === 2 ? '≥ 1.6' : undefined,
      });
    return lines;
  });
}
