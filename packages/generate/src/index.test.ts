import { expect, it } from 'vitest';
import * as generate from './index';

it('exports what it should', () => {
  expect(Object.keys(generate).sort()).toMatchInlineSnapshot(`
    [
      "Session",
      "addLogitBias",
      "argMax",
      "drawToken",
      "forbidRepeatedNgrams",
      "generate",
      "generateBatch",
      "keepMinP",
      "keepTopK",
      "keepTopP",
      "mostLikely",
      "penaliseOccurrence",
      "penaliseRepetition",
      "randomFrom",
      "scaleByTemperature",
      "seededRandom",
      "stream",
    ]
  `);
});
