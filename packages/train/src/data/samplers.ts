import type { Batch, BatchSampler, BlockOptions, TokenSource } from './batch';
import { blocksOf, requireBlocks, requireCount, rowsAt } from './blocks';
import { randomBelow, shuffled } from './random';

export interface RandomBlocksOptions extends BlockOptions {
  seed: number;
}

export interface EpochOptions extends RandomBlocksOptions {
  /** Micro-batches of an optimizer step. Default 1. */
  gradientAccumulationSteps?: number;
}

export interface ConsecutiveOptions extends BlockOptions {
  gradientAccumulationSteps?: number;
}

/**
 * Blocks at random places, as in nanoGPT: each draw is independent, a token may come twice before another comes once. Row
 * `part · batchSize + row` of a step is the same however the step is cut into micro-batches.
 * @throws SsmError OPTION where a size has no meaning or the text is not longer than a block
 */
export function randomBlocks(source: TokenSource, options: RandomBlocksOptions): BatchSampler {
  const { batchSize, blockSize, seed } = options;
  requireBlocks('randomBlocks', source, options, blockSize + 1);
  requireCount('randomBlocks', 'seed', seed);
  const places = source.length - blockSize; // each with a target for its last token
  const batch = async (step: number, part: number): Promise<Batch> => {
    requirePlace('randomBlocks', step, part, Number.POSITIVE_INFINITY);
    const row = (b: number) => ({ start: randomBelow(places, seed, step, part * batchSize + b) });
    return rowsAt(
      source,
      Array.from({ length: batchSize }, (_, b) => row(b)),
      blockSize,
    );
  };
  return { batch };
}

/**
 * Every token is predicted once an epoch: the source is cut into blocks one after the other, documents packed as they come,
 * and each epoch visits the blocks in an order of its own. The last, short block is filled up without targets; a batch may
 * hold the end of one epoch and the start of the next.
 * @throws SsmError OPTION where a size has no meaning or the text is shorter than a block
 */
export function packedDocuments(source: TokenSource, options: EpochOptions): BatchSampler {
  const { batchSize, blockSize, seed, gradientAccumulationSteps: parts = 1 } = options;
  requireBlocks('packedDocuments', source, options, blockSize + 1);
  requireCount('packedDocuments', 'seed', seed);
  requireCount('packedDocuments', 'gradientAccumulationSteps', parts, 1);
  const blocks = blocksOf(source, blockSize);
  const batch = async (step: number, part: number): Promise<Batch> => {
    requirePlace('packedDocuments', step, part, parts);
    const row = (b: number) => {
      const index = (step * parts + part) * batchSize + b;
      return { start: shuffled(index % blocks, blocks, seed, Math.floor(index / blocks)) * blockSize };
    };
    return rowsAt(
      source,
      Array.from({ length: batchSize }, (_, b) => row(b)),
      blockSize,
    );
  };
  return { batch };
}

/**
 * Truncated backpropagation through time: the source is cut into a column for each row of a step, and each row goes on
 * where it ended in the step before, so that the trainer can carry its state. `documentStarts` resets the state where a document
 * begins, and where a column begins anew after its end. Tokens that do not fill the columns with whole blocks are left out.
 * @throws SsmError OPTION where a size has no meaning or a column is shorter than a block
 */
export function consecutiveBlocks(source: TokenSource, options: ConsecutiveOptions): BatchSampler {
  const { batchSize, blockSize, gradientAccumulationSteps: parts = 1 } = options;
  requireCount('consecutiveBlocks', 'gradientAccumulationSteps', parts, 1);
  const columns = batchSize * parts;
  requireBlocks('consecutiveBlocks', source, options, columns * blockSize + 1);
  const blocks = Math.floor((source.length - 1) / (columns * blockSize));
  const batch = async (step: number, part: number): Promise<Batch> => {
    requirePlace('consecutiveBlocks', step, part, parts);
    const block = step % blocks;
    const row = (b: number) => ({ start: ((part * batchSize + b) * blocks + block) * blockSize, isFresh: block === 0 });
    return rowsAt(
      source,
      Array.from({ length: batchSize }, (_, b) => row(b)),
      blockSize,
      true,
    );
  };
  return { batch };
}

function requirePlace(where: string, step: number, part: number, parts: number): void {
  requireCount(where, 'step', step);
  requireCount(where, part < parts ? 'part' : `part (of ${parts})`, part < parts ? part : Number.NaN);
}
