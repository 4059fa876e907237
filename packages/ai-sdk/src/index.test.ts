import { expect, it } from 'vitest';
import * as aiSdk from './index';

it('exports what its README lists', () => {
  expect(Object.keys(aiSdk)).toEqual(['createDenseSSM']);
});
