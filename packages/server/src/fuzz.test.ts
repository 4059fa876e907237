import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { memory } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { createHandler } from './handler';
import { fuzz } from './test-support/fuzz';
import { get, tinyModel } from './test-support/tiny-model';

it('300 odd requests are answered or refused, and leave nothing behind', async () => {
  const model = tinyModel(mamba);
  const before = memory().numTensors;
  const handler = createHandler(model, { maxTokens: 3, maxTexts: 8, onError: () => undefined });
  await get(handler, '/health');
  const statuses = await fuzz(handler, 300, 1);
  expect(statuses.get(200)).toBeGreaterThan(30);
  expect(statuses.get(400)).toBeGreaterThan(30);
  await handler.close();
  expect(memory().numTensors).toBe(before);
  disposeTree(model.params);
});
