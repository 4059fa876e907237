import { SsmError } from '@densessm/ssm-core';
import type { TokenSource } from './batch';

/** The id with which every document begins, see {@link TokenSource.separator}. */
export interface TokenSourceOptions {
  separator?: number;
}

/**
 * Tokens in memory, in any array of integers (a Uint16Array halves the room). The array is not copied.
 * @throws SsmError OPTION where the starts are no sorted positions of the tokens
 */
export function tokenSource(ids: ArrayLike<number>, documentStarts: ArrayLike<number> = [], options: TokenSourceOptions = {}): TokenSource {
  requireStarts(documentStarts, ids.length);
  const read = async (start: number, count: number): Promise<Int32Array> => {
    requireRange('tokenSource', start, count, ids.length);
    const out = new Int32Array(count);
    for (let i = 0; i < count; i++) out[i] = ids[start + i] as number;
    return out;
  };
  return { length: ids.length, documentStarts, separator: options.separator, read };
}

/**
 * The tokens from `start` up to `end`, without a copy. A document that is cut by `start` begins there anew.
 * @throws SsmError OPTION where the range reaches out of the source
 */
export function sourcePart(source: TokenSource, start: number, end: number): TokenSource {
  requireRange('sourcePart', start, end - start, source.length);
  const [first, last] = [lowerBound(source.documentStarts, start), lowerBound(source.documentStarts, end)];
  const inside = Float64Array.from({ length: last - first }, (_, i) => (source.documentStarts[first + i] as number) - start);
  const isCut = inside.length > 0 && inside[0] !== 0;
  const documentStarts = isCut ? Float64Array.of(0, ...inside) : inside;
  const read = async (from: number, count: number): Promise<Int32Array> => {
    requireRange('sourcePart', from, count, end - start);
    return source.read(start + from, count);
  };
  return { length: end - start, documentStarts, separator: source.separator, read };
}

/** The first index whose value is not below `value`; the length where all are. */
export function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function requireStarts(starts: ArrayLike<number>, length: number): void {
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] as number;
    const isFine = Number.isInteger(start) && start >= 0 && start < length && (i === 0 || start > (starts[i - 1] as number));
    if (isFine) continue;
    throw new SsmError({
      code: 'OPTION',
      what: 'tokenSource: `documentStarts` does not fit the tokens.',
      expected: `rising integers from 0 to ${length - 1}`,
      got: `${start} at index ${i}`,
      fix: 'pass the position of the first token of each document that has one',
    });
  }
}

function requireRange(where: string, start: number, count: number, length: number): void {
  if (Number.isInteger(start) && Number.isInteger(count) && start >= 0 && count >= 0 && start + count <= length) return;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: the range lies outside the tokens.`,
    expected: `positions from 0 to ${length}`,
    got: `${count} from ${start}`,
    fix: 'read inside the source',
  });
}
