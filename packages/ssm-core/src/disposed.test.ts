import { tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { refuseDisposed } from './disposed';
import { namedParams, weight } from './spec';
import { tokenTensor } from './tokens';
import { disposeTree } from './tree';

const stored = { code: 'STATE' };

it('a tree with a tensor that was freed is refused by name, one without is not', () => {
  const tree = { layers: [{ gain: tensor1d([1]) }, { gain: tensor1d([2]) }], tied: undefined, none: null, position: 3 };
  refuseDisposed('model', tree, 'params');
  tree.layers[1]?.gain.dispose();
  expect(() => refuseDisposed('model', tree, 'params')).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: model: the params were disposed of.
      expected  params with their tensors
      got       freed ones
      fix       dispose after the last use, or make or load them again]
  `);
  disposeTree(tree);
});

it('params that were freed are refused where their values are wanted', () => {
  const spec = { head: weight('head.weight', [2, 2]) };
  const params = {
    head: tensor2d([
      [1, 2],
      [3, 4],
    ]),
  };
  params.head.dispose();
  expect(() => [...namedParams(spec, params)]).toThrow(expect.objectContaining(stored));
});

it('token ids in a tensor that was freed are refused', () => {
  const ids = tensor2d([[1, 2]], [1, 2], 'int32');
  ids.dispose();
  expect(() => tokenTensor('model', ids, 5)).toThrow(expect.objectContaining(stored));
});
