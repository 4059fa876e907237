import { expect, it } from 'vitest';
import * as retnet from './index';
import * as forms from './retention-forms';

it('exports what it should', () => {
  expect(Object.keys(retnet).sort()).toMatchInlineSnapshot(`
    [
      "denseRetNet",
      "retnet",
      "upcycleRetNet",
    ]
  `);
  expect(Object.keys(forms).sort()).toMatchInlineSnapshot(`
    [
      "decayLogarithms",
      "positionsFrom",
      "retention",
      "retentionChunkwise",
      "retentionParallel",
      "retentionRecurrent",
      "retentionScale",
      "rotate",
      "rotationAngles",
    ]
  `);
});
