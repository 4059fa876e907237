import { expect, it } from 'vitest';
import * as train from './index';

it('exports what it should', () => {
  expect(Object.keys(train).sort()).toMatchInlineSnapshot(`
    [
      "IGNORED_TARGET",
      "NEAR_ZERO",
      "SCHEDULE_NAMES",
      "Trainer",
      "adamW",
      "belongsBefore",
      "clipFactor",
      "configEvent",
      "consecutiveBlocks",
      "constantSchedule",
      "cosineSchedule",
      "decaysByDefault",
      "evaluate",
      "evaluationBlocks",
      "eventFileHeader",
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
      "storyCorpus",
      "summarizeGate",
      "tokenSource",
      "warmupStableDecaySchedule",
    ]
  `);
});
