import { expect, it } from 'vitest';
import * as train from './index';

it('exports what it should', () => {
  expect(Object.keys(train).sort()).toMatchInlineSnapshot(`
    [
      "IGNORED_TARGET",
    ]
  `);
});
