import type { Batch, BatchSampler } from '../data/batch';
import { countTargets } from './loss';
import type { Peers } from './peers';

/** A step's micro-batches of one process: those of all are numbered as one process with so many more of them would number them. */
export function microBatches(sampler: BatchSampler, step: number, parts: number, { rank, size }: Peers): Promise<Batch[]> {
  return Promise.all(Array.from({ length: parts }, (_, part) => sampler.batch(step, part * size + rank)));
}

/** Targets, by which the step's mean is divided, and tokens, for the record; of all processes where they share gradients. */
export async function countStep(
  batches: readonly Batch[],
  peers: Peers,
  sharesGradients: boolean,
): Promise<{ targets: number; tokens: number }> {
  const sum = (of: (batch: Batch) => number): number => batches.reduce((total, batch) => total + of(batch), 0);
  const counts = Float64Array.of(
    sum(({ targets }) => countTargets(targets)),
    sum(({ tokens }) => tokens.length),
  );
  if (sharesGradients) await peers.allReduce(counts);
  const [targets = 0, tokens = 0] = counts;
  return { targets, tokens: sharesGradients ? tokens : tokens * peers.size };
}
