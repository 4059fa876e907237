import { expect, it } from 'vitest';
import * as distributed from './index';

it('exports what it should', () => {
  expect(Object.keys(distributed).sort()).toMatchInlineSnapshot(`
    [
      "BUCKET_BYTES",
      "endProcess",
      "isSameEverywhere",
      "launcherOf",
      "openMpi",
      "tell",
    ]
  `);
});
