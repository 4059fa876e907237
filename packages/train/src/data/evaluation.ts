import type { Batch, BlockOptions, TokenSource } from './batch';
import { blocksOf, requireBlocks, requireCount, rowsAt } from './blocks';

export interface EvaluationOptions extends BlockOptions {
  /** At most so many blocks, spread evenly over the source, the same ones each time. Default all. */
  maxBlocks?: number;
}

/**
 * A held-out part, once: blocks one after the other, each from a fresh state. The last, short block is filled up without
 * targets, the last batch has as many rows as are left. May be gone through again and again.
 * @throws SsmError OPTION where a size has no meaning or the text has no two tokens
 */
export function evaluationBlocks(source: TokenSource, options: EvaluationOptions): AsyncIterable<Batch> {
  const { batchSize, blockSize, maxBlocks = Number.MAX_SAFE_INTEGER } = options;
  requireBlocks('evaluationBlocks', source, options, 2);
  requireCount('evaluationBlocks', 'maxBlocks', maxBlocks, 1);
  const all = blocksOf(source, blockSize);
  const blocks = Math.min(all, maxBlocks);
  const start = (index: number): number => Math.floor((index * all) / blocks) * blockSize;
  return {
    async *[Symbol.asyncIterator]() {
      for (let first = 0; first < blocks; first += batchSize) {
        const rows = Array.from({ length: Math.min(batchSize, blocks - first) }, (_, b) => ({ start: start(first + b) }));
        yield await rowsAt(source, rows, blockSize);
      }
    },
  };
}
