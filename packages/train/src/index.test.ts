import { expect, it } from 'vitest';
import * as train from './index';

it('exports what it should', () => {
  expect(Object.keys(train).sort()).toMatchInlineSnapshot(`
    [
      "IGNORED_TARGET",
      "SCHEDULE_NAMES",
      "Trainer",
      "adamW",
      "clipFactor",
      "configEvent",
      "consecutiveBlocks",
      "constantSchedule",
      "cosineSchedule",
      "decaysByDefault",
      "evaluate",
      "evaluationBlocks",
      "eventFileName",
      "gateStatistics",
      "gradientNorm",
      "linearSchedule",
      "muon",
      "packedDocuments",
      "parseRecordLine",
      "polynomialSchedule",
      "randomBlocks",
      "recordEvent",
      "recordLine",
      "scheduleByName",
      "sgd",
      "sourcePart",
      "startEvent",
      "tokenSource",
      "warmupStableDecaySchedule",
    ]
  `);
});
