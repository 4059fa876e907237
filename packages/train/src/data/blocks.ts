/** What the samplers share: checks, and rows of a batch out of a source. */
import { SsmError } from '@densessm/ssm-core';
import { type Batch, type BlockOptions, IGNORED_TARGET, type TokenSource } from './batch';
import { lowerBound } from './source';

/** Where a row of a batch begins, and whether its state is a fresh one. */
export interface Row {
  readonly start: number;
  /** With a carried state: whether it starts anew at the first token all the same. */
  readonly isFresh?: boolean;
}

/** @throws SsmError OPTION where a size is no positive integer, or the text is shorter than `atLeast` tokens */
export function requireBlocks(where: string, source: TokenSource, { batchSize, blockSize }: BlockOptions, atLeast: number): void {
  for (const [name, size] of Object.entries({ batchSize, blockSize }))
    if (!Number.isInteger(size) || size < 1)
      throw new SsmError({
        code: 'OPTION',
        what: `${where}: \`${name}\` has no meaning.`,
        expected: 'an integer from 1',
        got: String(size),
        fix: `correct ${name}`,
      });
  if (source.length >= atLeast) return;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: the text is shorter than a block.`,
    expected: `at least ${atLeast} tokens for blocks of ${blockSize}`,
    got: `${source.length} tokens`,
    fix: 'give more text, or make the blocks shorter',
  });
}

/** @throws SsmError OPTION where it is no integer from 0 (or `least`) */
export function requireCount(where: string, name: string, value: number, least = 0): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  const expected = `an integer from ${least}`;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: \`${name}\` has no meaning.`,
    expected,
    got: String(value),
    fix: `correct ${name}`,
  });
}

/** Blocks one after the other, each with a token to predict: the very last token begins none. */
export const blocksOf = (source: TokenSource, blockSize: number): number => Math.ceil((source.length - 1) / blockSize);

/**
 * One batch with a row from each place. What lies beyond the source is filled with token 0 and {@link IGNORED_TARGET}. The last
 * token before a border has the separator as its target, or none.
 */
export async function rowsAt(source: TokenSource, rows: readonly Row[], length: number, carries = false): Promise<Batch> {
  const batchSize = rows.length;
  const tokens = new Int32Array(batchSize * length);
  const targets = new Int32Array(batchSize * length).fill(IGNORED_TARGET);
  const documentStarts = new Uint8Array(batchSize * length);
  const texts = await Promise.all(rows.map(({ start }) => source.read(start, Math.min(length + 1, source.length - start))));
  let matters = false;
  for (const [b, { start, isFresh = false }] of rows.entries()) {
    const text = texts[b] as Int32Array;
    const here = b * length;
    tokens.set(text.subarray(0, length), here);
    targets.set(text.subarray(1), here);
    const resets = markBorders(source, start, { targets, documentStarts, here, length }, carries);
    if (isFresh) documentStarts[here] = 1;
    matters = matters || resets || isFresh;
  }
  return { tokens, targets, batchSize, length, ...(matters && { documentStarts }) };
}

interface RowOfBatch {
  readonly targets: Int32Array;
  readonly documentStarts: Uint8Array;
  readonly here: number;
  readonly length: number;
}

/** Marks the documents that begin in a row; true where the state has to start anew at one of them. */
function markBorders(source: TokenSource, start: number, { targets, documentStarts, here, length }: RowOfBatch, carries: boolean): boolean {
  const { documentStarts: positions, separator } = source;
  let matters = false;
  for (let i = lowerBound(positions, start); i < positions.length; i++) {
    const t = (positions[i] as number) - start;
    if (t > length) break;
    if (t < length) documentStarts[here + t] = 1;
    if (t > 0 && targets[here + t - 1] !== separator) targets[here + t - 1] = IGNORED_TARGET;
    matters ||= t < length && (t > 0 || carries);
  }
  return matters;
}
