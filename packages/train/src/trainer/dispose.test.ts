import { mamba } from '@densessm/mamba';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { type AnyTrainer, mambaJson, optionsOf } from '../test-support/small-trainer';
import { Trainer } from './trainer';

const gone = expect.objectContaining({ name: 'SsmError', code: 'STATE' });

it('a trainer that was disposed of refuses all but its counters', async () => {
  await setBackend('wasm');
  const before = memory().numTensors;
  const trainer: AnyTrainer = new Trainer(optionsOf(mamba, mambaJson));
  await trainer.step();
  trainer.dispose();
  trainer.dispose();
  await expect(trainer.step()).rejects.toEqual(gone);
  await expect(trainer.evaluate([])).rejects.toEqual(gone);
  await expect(trainer.save()).rejects.toEqual(gone);
  expect(() => trainer.params).toThrow(gone);
  expect(trainer.steps).toBe(1);
  expect(memory().numTensors).toBe(before);
});

it.each([0, 1, 3, 10])('a trainer may be disposed of while a step is under way (after %i turns)', async (turns) => {
  await setBackend('wasm');
  const before = memory().numTensors;
  const trainer: AnyTrainer = new Trainer(optionsOf(mamba, mambaJson, { carryState: true }));
  const step = trainer.step().then(
    () => 'done',
    (error: unknown) => error,
  );
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  trainer.dispose();
  expect([gone, 'done']).toContainEqual(await step);
  expect(memory().numTensors).toBe(before);
});
