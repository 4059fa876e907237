import { expect, it } from 'vitest';
import * as generate from './index';

it('exports what it should', () => {
  expect(Object.keys(generate).sort()).toMatchInlineSnapshot(`
    [
      "QueueFullError",
      "Scheduler",
      "Session",
      "SharedModel",
      "addLogitBias",
      "argMax",
      "decodeState",
      "drawToken",
      "encodeState",
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
      "savedBytes",
      "scaleByTemperature",
      "seededRandom",
      "stream",
    ]
  `);
});
