import { expect, it } from 'vitest';
import * as train from './index';

it('exports what it should', () => {
  expect(Object.keys(train).sort()).toMatchInlineSnapshot(`
    [
      "IGNORED_TARGET",
      "SCHEDULE_NAMES",
      "consecutiveBlocks",
      "constantSchedule",
      "cosineSchedule",
      "evaluationBlocks",
      "linearSchedule",
      "packedDocuments",
      "polynomialSchedule",
      "randomBlocks",
      "scheduleByName",
      "sourcePart",
      "tokenSource",
      "warmupStableDecaySchedule",
    ]
  `);
});
