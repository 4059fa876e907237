import { describe, expect, it } from 'vitest';
import { completeDenseConfig, denseSources } from './index';

const reads = (denseLayers: number, scope: 'layer' | 'block', layers: number) =>
  Array.from({ length: layers }, (_, layer) => denseSources(completeDenseConfig('test', { denseLayers, scope }, 8), layer));

describe('denseSources', () => {
  it('reads the m layers below, oldest first, fewer near the bottom', () => {
    expect(reads(2, 'layer', 5)).toEqual([[], [0], [0, 1], [1, 2], [2, 3]]);
    expect(reads(9, 'layer', 4)).toEqual([[], [0], [0, 1], [0, 1, 2]]);
  });

  it('reads nothing without dense layers', () => {
    expect(reads(0, 'layer', 3)).toEqual([[], [], []]);
    expect(reads(0, 'block', 3)).toEqual([[], [], []]);
  });

  it('joins blocks of m layers at the first layer of each later block', () => {
    expect(reads(2, 'block', 7)).toEqual([[], [], [0, 1], [], [2, 3], [], [4, 5]]);
    expect(reads(3, 'block', 5)).toEqual([[], [], [], [0, 1, 2], []]);
    expect(reads(9, 'block', 4)).toEqual([[], [], [], []]);
  });

  it('means the same by layer and by block of one', () => {
    expect(reads(1, 'block', 6)).toEqual(reads(1, 'layer', 6));
  });
});
