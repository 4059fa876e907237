import { expect, it } from 'vitest';
import * as server from './index';
import * as node from './node';

it('exports what its README speaks of', () => {
  expect(Object.keys(server)).toEqual(['createHandler']);
  expect(Object.keys(node).sort()).toEqual(['listen', 'stateFolder']);
});
