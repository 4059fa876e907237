import { adamW, cosineSchedule, Trainer } from '@densessm/train';
import type { Figure } from '../lib/measured';
import { denseRetNet350m, type Sizes, weightsOf } from './models';
import { batchOf } from './text';

export interface LossOptions extends Sizes {
  steps: number;
  length: number;
  /** The highest, after the warm-up. */
  learningRate: number;
}

const BATCH = 2;

/** How many of the last steps are compared: one step's loss says as much of its text as of the model. */
const COMPARED = 20;

/** The control's weights are off by so much of each, what rounding to float16 does at most: 2⁻¹¹. */
const ROUNDING = 2 ** -11;

const lastOf = (losses: readonly number[]): number => losses.slice(-COMPARED).reduce((sum, loss, _, { length }) => sum + loss / length, 0);

/**
 * The losses of a DenseRetNet-350M from the same weights on the same text with products of f32 and of f16, and as a control in f32 from weights that are off by what rounding
 * to float16 does: what is no larger than the control's difference is chance. A figure: the lists, the means of the last 20 steps, and `difference` and `control`, of the means as parts of that of f32.
 */
export async function runLosses(
  say: (line: string) => void,
  keep: (figure: Figure) => void,
  { steps, length, learningRate, ...sizes }: LossOptions,
): Promise<void> {
  const measured = denseRetNet350m(sizes);
  const { name, model, json } = measured;
  const config = model.parseConfig(json);
  const { vocabSize } = config as { vocabSize: number };
  const schedule = cosineSchedule({ learningRate, warmupSteps: Math.min(20, steps >> 1), maxSteps: steps });
  const sampler = { batch: async (step: number) => batchOf(step, BATCH, length, vocabSize) };
  const lossesWith = async (precision: 'f32' | 'f16', named: string, off = 0): Promise<number[]> => {
    const params = await weightsOf(measured, off);
    const options = { model, config, params, optimizer: adamW({ weightDecay: 0.1 }), schedule, sampler, gradClip: 1, precision };
    const trainer = new Trainer<unknown, object, unknown>(options);
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const { loss, skipped } = await trainer.step();
      losses.push(loss);
      if (skipped) say(`  step ${i} was skipped in ${named}`);
      if (i % 50 === 0 || i === steps - 1) say(`  ${named}, step ${i}: loss ${loss.toFixed(4)}`);
    }
    trainer.dispose();
    return losses;
  };
  const [f32, f16, near] = [await lossesWith('f32', 'f32'), await lossesWith('f16', 'f16'), await lossesWith('f32', 'control', ROUNDING)];
  const [wide, narrow] = [lastOf(f32), lastOf(f16)];
  const [difference, control] = [narrow / wide - 1, lastOf(near) / wide - 1];
  const sizesOfRun = { batch: BATCH, length, steps, learningRate };
  const found = { first: f32[0] as number, meanF32: wide, meanF16: narrow, difference, control, f32, f16, near };
  keep({ part: 'losses', name, ...sizesOfRun, ...found });
  say(
    `${name}, ${steps} steps of ${BATCH} × ${length}, mean of the last ${COMPARED}: ${wide.toFixed(4)} in f32, ${narrow.toFixed(4)} with f16 products, ` +
      `${(100 * difference).toFixed(3)} % off; the control ${(100 * control).toFixed(3)} %; the first ${f32[0]?.toFixed(4)}`,
  );
}
