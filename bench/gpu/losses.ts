import { adamW, cosineSchedule, Trainer } from '@densessm/train';
import type { Figure } from '../lib/measured';
import { denseRetNet350m, type Sizes, weightsOf } from './models';
import { batchOf } from './text';

export interface LossOptions extends Sizes {
  steps: number;
  length: number;
}

const BATCH = 2;

/** How many of the last steps are compared: one step's loss says as much of its text as of the model. */
const COMPARED = 20;

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * The losses of a DenseRetNet-350M from the same weights on the same text with products of f32 and of f16. A figure: both as lists, the means of the last 20
 * steps, and `difference`, of these as a part of that of f32.
 */
export async function runLosses(
  say: (line: string) => void,
  keep: (figure: Figure) => void,
  { steps, length, ...sizes }: LossOptions,
): Promise<void> {
  const measured = denseRetNet350m(sizes);
  const { name, model, json } = measured;
  const config = model.parseConfig(json);
  const { vocabSize } = config as { vocabSize: number };
  const schedule = cosineSchedule({ learningRate: 3e-4, warmupSteps: Math.min(20, steps >> 1), maxSteps: steps });
  const sampler = { batch: async (step: number) => batchOf(step, BATCH, length, vocabSize) };
  const lossesWith = async (precision: 'f32' | 'f16'): Promise<number[]> => {
    const params = await weightsOf(measured);
    const options = { model, config, params, optimizer: adamW({ weightDecay: 0.1 }), schedule, sampler, gradClip: 1, precision };
    const trainer = new Trainer<unknown, object, unknown>(options);
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const { loss, skipped } = await trainer.step();
      losses.push(loss);
      if (skipped) say(`  step ${i} was skipped in ${precision}`);
      if (i % 50 === 0 || i === steps - 1) say(`  ${precision}, step ${i}: loss ${loss.toFixed(4)}`);
    }
    trainer.dispose();
    return losses;
  };
  const [f32, f16] = [await lossesWith('f32'), await lossesWith('f16')];
  const [wide, narrow] = [meanOf(f32.slice(-COMPARED)), meanOf(f16.slice(-COMPARED))];
  const difference = narrow / wide - 1;
  keep({
    part: 'losses',
    name,
    batch: BATCH,
    length,
    steps,
    first: f32[0] as number,
    meanF32: wide,
    meanF16: narrow,
    difference,
    f32,
    f16,
  });
  say(
    `${name}, ${steps} steps of ${BATCH} × ${length}, mean of the last ${COMPARED}: ${wide.toFixed(4)} in f32, ${narrow.toFixed(4)} with f16 products, ` +
      `${(100 * difference).toFixed(3)} % off; the first ${f32[0]?.toFixed(4)}`,
  );
}
