import { startBackend } from '@densessm/runtime-node';
import { ALL, makeStep, REPLACEABLE, type StepSizes, without } from '../lib/training-step';
import { type Figure, type Speed, speedOf } from './figures';
import { timeInTurns, timesOf } from './rounds';
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

/** What is composed of TensorFlow.js operations instead of being a kernel of ours. */
const REPLACED = { ours: [], 'references but our product': REPLACEABLE, references: ALL } as const;

interface Entrant {
  threads: number;
  kernels: keyof typeof REPLACED;
}

async function measureSize(sizes: StepSizes, counts: readonly number[], seconds: number): Promise<Figure[]> {
  const step = makeStep('Mamba', sizes);
  const entrants = counts.flatMap((threads): Entrant[] => [
    { threads, kernels: 'ours' },
    { threads, kernels: 'references but our product' },
  ]);
  const loss = await step();
  const timeStep = async ({ threads, kernels }: Entrant): Promise<number> => {
    await startBackend({ device: 'wasm', threads });
    let spent = 0;
    await without(REPLACED[kernels], async () => {
      const start = performance.now();
      const got = await step();
      spent = performance.now() - start;
      if (!(Math.abs(got - loss) < 1e-3)) throw new Error(`the losses differ: ${got} and ${loss}`);
    });
    return spent;
  };
  const times = await timeInTurns(entrants, seconds, timeStep);
  // of the other it takes a minute and more: once, and one thread alone, since TensorFlow.js has no others in Node
  const slow = timesOf([await timeStep({ threads: 1, kernels: 'references' })]);
  const speed = (threads: number, kernels: Entrant['kernels']): Speed | undefined => {
    const place = entrants.findIndex((entrant) => entrant.threads === threads && entrant.kernels === kernels);
    const taken = kernels === 'references' ? slow : times[place];
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
    const beside = (name: Entrant['kernels'], aim?: string): Figure => ({ ...figure, against: { name, speed: speed(threads, name) }, aim });
    const lines = [beside('references', '≥ 3'), beside('references but our product')];
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
