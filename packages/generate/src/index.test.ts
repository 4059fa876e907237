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
      "jsonLines",
      "keepMinP",
      "keepTopK",
      "keepTopP",
      "lambada",
      "loglikelihood",
      "loglikelihoodRolling",
      "mostLikely",
      "multipleChoice",
      "penalizeOccurrence",
      "penalizeRepetition",
      "perplexity",
      "randomFrom",
      "rollingWindows",
      "scaleByTemperature",
      "seededRandom",
      "stream",
    ]
  `);
});
