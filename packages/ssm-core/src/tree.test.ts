import { scalar } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { PackedMatrix } from './packed';
import { disposeTree, mapTree, tensorsOf } from './tree';

it('a tree keeps packed matrices as they are, and frees them', () => {
  let freed = 0;
  const packed = { shape: [2, 3], dispose: () => freed++ } as unknown as PackedMatrix;
  const tree = { layers: [{ weight: packed, bias: scalar(1) }], steps: 3, none: null };
  expect([...tensorsOf(tree)].map(([path]) => path.join('.'))).toEqual(['layers.0.bias']);
  const mapped = mapTree(tree, (tensor) => tensor.clone());
  expect(mapped.layers[0]?.weight).toBe(packed);
  expect(mapped).toMatchObject({ steps: 3, none: null });
  mapped.layers[0]?.bias.dispose();
  disposeTree(tree);
  expect([freed, tree.layers[0]?.bias.isDisposed]).toEqual([1, true]);
});
