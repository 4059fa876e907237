import { usageError } from '../errors';
import type { Settings } from '../settings/table';

/** How the texts of a step are divided: ranks × micro-batches × texts. */
export interface Shares {
  readonly ranks: number;
  readonly gradientAccumulationSteps: number;
  readonly batchSize: number;
}

/**
 * The same texts in each step, divided among another number of ranks: micro-batches stay as large as before where that is possible, else
 * they become smaller.
 * @throws SsmError OPTION where so many ranks cannot divide them
 */
export function sharesFor(ranks: number, began: Shares): Shares {
  const texts = began.ranks * began.gradientAccumulationSteps * began.batchSize;
  if (texts % ranks !== 0)
    throw usageError(
      'So many processes cannot divide a step.',
      `a number that divides ${texts}, the texts of a step as the run began`,
      String(ranks),
      'start as many processes, or begin another run with --init-from CHECKPOINT',
    );
  const own = texts / ranks;
  const fits = Array.from({ length: Math.min(began.batchSize, own) }, (_, i) => i + 1).filter((size) => own % size === 0);
  const batchSize = fits.at(-1) ?? 1;
  return { ranks, gradientAccumulationSteps: own / batchSize, batchSize };
}

export const sharesOf = ({ gradientAccumulationSteps, batchSize }: Settings, ranks: number): Shares => ({
  ranks,
  gradientAccumulationSteps,
  batchSize,
});
