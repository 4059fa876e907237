import { type MambaConfig, type MambaParams, type MambaState, mamba } from '@densessm/mamba';
import { type AnyModel, SsmError } from '@densessm/ssm-core';
import {
  copyRegisteredKernels,
  findBackend,
  type KernelBackend,
  memory,
  registerBackend,
  setBackend,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { consecutiveBlocks, randomBlocks } from '../data/samplers';
import type { StepMeasures } from '../optimizers/optimizer';
import { sgd } from '../optimizers/sgd';
import { type AnyTrainer, lossesOf, mambaJson, type Options, optionsOf, plain, source } from '../test-support/small-trainer';
import { Trainer } from './trainer';

/** A device that tells of its failures when it is read from, as a GPU does: the CPU under another name. */
const DEVICE = 'device that fails';
const held = [await randomBlocks(source, { batchSize: 2, blockSize: 5, seed: 7 }).batch(0, 0)];
const failure = (code: 'BACKEND' | 'LOST' = 'BACKEND'): SsmError =>
  new SsmError({ code, what: 'webgpu: the device is out of memory.', expected: 'room for 1 MB', got: 'none', fix: 'take less' });
const refused = expect.objectContaining({ name: 'SsmError', code: 'STATE' });

/** Before a reading returns its values. */
let onRead: () => unknown = () => undefined;

beforeAll(async () => {
  const Cpu = (findBackend('cpu') as KernelBackend).constructor as new () => KernelBackend;
  registerBackend(DEVICE, () => {
    const backend = new Cpu();
    const read = backend.read.bind(backend);
    backend.read = async (dataId) => {
      await onRead();
      return read(dataId);
    };
    return backend;
  });
  copyRegisteredKernels('cpu', DEVICE);
  await setBackend(DEVICE);
});
beforeEach(() => {
  onRead = () => undefined;
});
afterAll(() => setBackend('wasm'));

const trainerOf = (more?: Options, model: AnyModel = mamba): AnyTrainer => new Trainer(optionsOf(model, mambaJson, more));

/** Fails once, at the next reading. */
function failOnce(code?: 'BACKEND' | 'LOST'): void {
  onRead = () => {
    onRead = () => undefined;
    throw failure(code);
  };
}

async function expectSpoiled(trainer: AnyTrainer): Promise<void> {
  await expect(trainer.step()).rejects.toEqual(refused);
  await expect(trainer.evaluate(held)).rejects.toEqual(refused);
  await expect(trainer.tryBatch(held[0] as (typeof held)[0])).rejects.toEqual(refused);
  await expect(trainer.save()).rejects.toEqual(refused);
  expect(() => trainer.params).toThrow(refused);
}

describe('a step whose device fails after the update was asked for', () => {
  it.each(['BACKEND', 'LOST'] as const)('with %s leaves nothing that could be used or saved, and can be restored', async (code) => {
    const before = memory().numTensors;
    const trainer = trainerOf({ carryState: true, sampler: consecutiveBlocks(source, { batchSize: 2, blockSize: 5 }) });
    await trainer.step();
    const state = await trainer.save();
    failOnce(code);
    await expect(trainer.step()).rejects.toMatchObject({ code });
    await expectSpoiled(trainer);
    expect(trainer.steps).toBe(1);
    trainer.dispose();
    expect(memory().numTensors).toBe(before);

    const sampler = () => ({ carryState: true, sampler: consecutiveBlocks(source, { batchSize: 2, blockSize: 5 }) });
    const whole = trainerOf(sampler());
    const { params: _, ...options } = optionsOf(mamba, mambaJson, sampler());
    const second: AnyTrainer = Trainer.restore<unknown, object, unknown>(options, state);
    expect(await lossesOf(second, 2)).toEqual((await lossesOf(whole, 3)).slice(1));
    expect(plain(await second.save())).toEqual(plain(await whole.save()));
    second.dispose();
    whole.dispose();
  });

  it('says so', async () => {
    const trainer = trainerOf();
    failOnce();
    await expect(trainer.step()).rejects.toThrow(/out of memory/);
    await expect(trainer.save()).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: Trainer: the device failed during an update, so that parameters and optimizer may be those of no step.
        expected  a trainer whose updates were done
        got       webgpu: the device is out of memory.
        fix       dispose of it, and go on by Trainer.restore from what Trainer.save gave last, on a new device where the old one was lost]
    `);
    trainer.dispose();
  });

  it('ends a save that waits for it', async () => {
    const trainer = trainerOf();
    await trainer.step();
    let fail: (error: unknown) => void = () => undefined;
    const isRead = new Promise<void>((resolve) => {
      onRead = () => {
        resolve();
        return new Promise((_, reject) => {
          fail = reject;
        });
      };
    });
    const step = trainer.step();
    await isRead;
    onRead = () => undefined;
    const save = trainer.save();
    fail(failure());
    await expect(step).rejects.toMatchObject({ code: 'BACKEND' });
    await expect(save).rejects.toEqual(refused);
    trainer.dispose();
  });
});

describe('a failure that is told after the step', () => {
  it('to a save: nothing is saved then, nor later', async () => {
    const trainer = trainerOf();
    await trainer.step();
    failOnce();
    await expect(trainer.save()).rejects.toMatchObject({ code: 'BACKEND' });
    await expectSpoiled(trainer);
    trainer.dispose();
  });

  it('to an evaluation spoils what was not read before, and nothing where it comes of the evaluation', async () => {
    const trainer = trainerOf();
    await trainer.step();
    let readings = 0;
    onRead = () => {
      if (++readings === 2) throw failure();
    };
    await expect(trainer.evaluate(held)).rejects.toMatchObject({ code: 'BACKEND' });
    expect(await trainer.step()).toMatchObject({ step: 1, skipped: false });
    failOnce();
    await expect(trainer.evaluate(held)).rejects.toMatchObject({ code: 'BACKEND' });
    await expectSpoiled(trainer);
    trainer.dispose();
  });
});

it('an update that ends in an error spoils the trainer, and what it made is freed', async () => {
  const before = memory().numTensors;
  const options = optionsOf(mamba, mambaJson);
  const { optimizer } = options;
  const update = optimizer.update.bind(optimizer);
  const trainer: AnyTrainer = new Trainer(options);
  await trainer.step();
  optimizer.update = (all) => {
    let asked = 0;
    const measures = new Proxy(all.measures as StepMeasures, {
      get: (target, name) => {
        if (++asked === 8) throw failure(); // some parameters have been updated
        return Reflect.get(target, name);
      },
    });
    return update({ ...all, measures });
  };
  await expect(trainer.step()).rejects.toMatchObject({ code: 'BACKEND' });
  await expectSpoiled(trainer);
  trainer.dispose();
  expect(memory().numTensors).toBe(before);
});

describe('what fails before the update', () => {
  it.each([
    ['a step', (trainer: AnyTrainer) => trainer.step()],
    ['a batch that is tried', (trainer: AnyTrainer) => trainer.tryBatch(held[0] as (typeof held)[0])],
    ['an evaluation', (trainer: AnyTrainer) => trainer.evaluate(held)],
  ])('frees all it made, and the trainer goes on: %s', async (_, work) => {
    const carried = { carryState: true, sampler: consecutiveBlocks(source, { batchSize: 2, blockSize: 5 }) };
    for (const more of [{}, carried]) {
      const trainer = trainerOf({ optimizer: sgd(), ...more });
      const before = memory().numTensors;
      failOnce();
      await expect(work(trainer)).rejects.toMatchObject({ code: 'BACKEND' });
      expect(memory().numTensors).toBe(before);
      expect(await trainer.step()).toMatchObject({ step: 0, skipped: false });
      trainer.dispose();
    }
  });

  it.each([false, true])('frees the micro-batches before one that throws (a carried state: %s)', async (carryState) => {
    let calls = 0;
    const breakAtThird = (): void => {
      if (++calls === 3) throw failure();
    };
    const model = {
      ...mamba,
      forward: (params: MambaParams, config: MambaConfig, tokens: Tensor2D, options?: object) => {
        breakAtThird();
        return mamba.forward(params, config, tokens, options);
      },
      advance: (params: MambaParams, config: MambaConfig, tokens: Tensor2D, state: MambaState, options?: object) => {
        breakAtThird();
        return mamba.advance(params, config, tokens, state, options);
      },
    } as unknown as AnyModel;
    const sampler = consecutiveBlocks(source, { batchSize: 2, blockSize: 5, gradientAccumulationSteps: 3 });
    const trainer = trainerOf({ carryState, sampler, gradientAccumulationSteps: 3 }, model);
    const before = memory().numTensors;
    await expect(trainer.step()).rejects.toMatchObject({ code: 'BACKEND' });
    expect(memory().numTensors).toBe(before);
    expect(await trainer.step()).toMatchObject({ step: 0, skipped: false });
    trainer.dispose();
  });
});
