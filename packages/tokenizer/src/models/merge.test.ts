import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeSymbols } from './merge';
import { PairTable } from './pair-table';

/** Sennrich et al. 2016, algorithm 1, literally: for each merge in order, join every such pair from the left. */
function literally(symbols: readonly number[], merges: readonly (readonly [number, number, number])[]): number[] {
  let now = [...symbols];
  for (;;) {
    const at = (left: number, right: number) => now.findIndex((one, i) => one === left && now[i + 1] === right && i + 1 < now.length);
    const merge = merges.find(([left, right]) => at(left, right) >= 0);
    if (!merge) return now;
    const place = at(merge[0], merge[1]);
    now = [...now.slice(0, place), merge[2], ...now.slice(place + 2)];
  }
}

/** Merges of ids below 4 and of what earlier merges made. */
const randomMerges = fc
  .array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 12 })
  .map((pairs) => pairs.map(([left, right], index) => [left % (4 + index), right % (4 + index), 4 + index] as const))
  .map((merges) => merges.filter(([a, b], index) => merges.findIndex(([c, d]) => a === c && b === d) === index));

const merged = (symbols: readonly number[], table: PairTable): number[] => {
  const array = Int32Array.from(symbols);
  return [...array.subarray(0, mergeSymbols(array, array.length, table))];
};

describe('merging', () => {
  it.each([
    ['short words', 30],
    ['long ones, with the heap', 200],
  ])('joins as the algorithm says, in %s', (_, maxLength) => {
    const words = fc.array(fc.nat(3), { maxLength, minLength: maxLength > 100 ? 33 : 0, size: 'max' });
    fc.assert(
      fc.property(words, randomMerges, (symbols, merges) => {
        expect(merged(symbols, new PairTable(Int32Array.from(merges.flat())))).toEqual(literally(symbols, merges));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('lets the later of two merges of one pair count', () => {
    expect(merged([0, 1], new PairTable(Int32Array.of(0, 1, 2, 0, 1, 3)))).toEqual([3]);
  });

  it('looks up each pair of neighbors a few times, however long the word', () => {
    const doubling = Array.from({ length: 16 }, (_, i) => [i, i, i + 1]);
    for (const length of [1_000, 10_000, 100_000]) {
      for (const symbols of [new Array<number>(length).fill(0), Array.from({ length }, (_, i) => (i * 7919) % 3)]) {
        const table = new PairTable(Int32Array.from([...doubling.flat(), 1, 2, 20, 0, 20, 21]));
        merged(symbols, table);
        // Once at the start; for each merge once when its candidate comes up, twice for the new neighbors, and again as those come up.
        expect(table.lookups).toBeLessThanOrEqual(6 * length);
      }
    }
  });
});
