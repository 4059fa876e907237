import { expect, it } from 'vitest';
import * as langchain from './index';

it('exports what its README lists', () => {
  expect(Object.keys(langchain)).toEqual(['ChatDenseSSM', 'DenseSSM']);
});
