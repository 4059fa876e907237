import { expect, it } from 'vitest';
import * as train from './index';

it('exports what it should', () => {
  expect(Object.keys(train).sort()).toMatchInlineSnapshot(`
    [
      "IGNORED_TARGET",
      "SCHEDULE_NAMES",
      "adamW",
      "clipFactor",
      "consecutiveBlocks",
      "constantSchedule",
      "cosineSchedule",
      "decaysByDefault",
      "evaluationBlocks",
      "gradientNorm",
      "linearSchedule",
      "muon",
      "packedDocuments",
      "polynomialSchedule",
      "randomBlocks",
      "scheduleByName",
      "sgd",
      "sourcePart",
      "tokenSource",
      "warmupStableDecaySchedule",
    ]
  `);
});
