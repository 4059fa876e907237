import { expect, it } from 'vitest';
import * as surface from './index';

it('exports what its README lists', () => {
  expect(Object.keys(surface).sort()).toMatchInlineSnapshot(`
    [
      "inspect",
      "parseTrace",
      "serializeTrace",
    ]
  `);
});
