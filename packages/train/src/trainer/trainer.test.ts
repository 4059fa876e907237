import { type MambaConfig, type MambaParams, type MambaState, mamba } from '@densessm/mamba';
import { type AnyModel, disposeTree } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import { memory, mul, type Tensor2D } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type Batch, type BatchSampler, IGNORED_TARGET } from '../data/batch';
import { consecutiveBlocks, randomBlocks } from '../data/samplers';
import { tokenSource } from '../data/source';
import { adamW } from '../optimizers/adamw';
import { muon } from '../optimizers/muon';
import { sgd } from '../optimizers/sgd';
import {
  type AnyTrainer,
  lossesOf,
  mambaJson,
  type Options,
  optionsOf,
  plain,
  source,
  text,
  VOCABULARY,
} from '../test-support/small-trainer';
import { Trainer } from './trainer';

const trainerOf = (more?: Options): AnyTrainer => new Trainer(optionsOf(mamba, mambaJson, more));

describe('accumulation', () => {
  /** Eight rows with unequal numbers of targets, in parts. */
  const rows = (parts: number): BatchSampler => ({
    async batch(step, part) {
      const [batchSize, length] = [8 / parts, 7];
      const tokens = Int32Array.from({ length: batchSize * length }, (_, i) => text[step * 90 + part * batchSize * length + i] as number);
      const targets = Int32Array.from(tokens, (token, i) =>
        (part * batchSize + Math.floor(i / length)) % 3 > i % length ? IGNORED_TARGET : (token * 5 + 1) % VOCABULARY,
      );
      return { tokens, targets, batchSize, length };
    },
  });

  it.each([2, 4, 8])('in %i parts gives what one batch of 8 gives', async (parts) => {
    const run = async (gradientAccumulationSteps: number) => {
      const more = { sampler: rows(gradientAccumulationSteps), gradientAccumulationSteps, optimizer: sgd(), schedule: () => 0.1 };
      const trainer = trainerOf(more);
      const records = [await trainer.step(), await trainer.step(), await trainer.step()];
      const state = await trainer.save();
      trainer.dispose();
      return { records, state };
    };
    const [want, got] = [await run(1), await run(parts)];
    for (const [i, record] of want.records.entries()) {
      expect(Math.abs((got.records[i]?.loss ?? 0) - record.loss) / record.loss).toBeLessThan(1e-6);
      expect(Math.abs((got.records[i]?.gradNorm ?? 0) - record.gradNorm) / record.gradNorm).toBeLessThan(1e-6);
      expect(got.records[i]?.tokens).toBe(56);
    }
    for (const [name, { values }] of want.state.params) await expectClose(name, values, got.state.params.get(name)?.values ?? [], 1e-6);
  });
});

describe('carried state', () => {
  it('gives each row the loss that the text before it allows', async () => {
    const [batchSize, blockSize] = [2, 6];
    const sampler = consecutiveBlocks(source, { batchSize, blockSize });
    const trainer = trainerOf({ sampler, carryState: true, schedule: () => 0 });
    const losses = await lossesOf(trainer, 3);
    const blocks = await Promise.all([0, 1, 2].map((step) => sampler.batch(step, 0)));
    const row = (values: (batch: Batch) => Int32Array, b: number) =>
      blocks.flatMap((batch) => [...values(batch).subarray(b * blockSize, (b + 1) * blockSize)]);
    const whole = (values: (batch: Batch) => Int32Array) => Int32Array.from([0, 1].flatMap((b) => row(values, b)));
    const long = { tokens: whole((one) => one.tokens), targets: whole((one) => one.targets), batchSize, length: 3 * blockSize };
    // the last block's mean loss, as the long text's with every other target left out
    for (const [step, loss] of losses.entries()) {
      const targets = long.targets.map((target, i) => (Math.floor((i % 18) / blockSize) === step ? target : IGNORED_TARGET));
      const { loss: want } = await trainer.evaluate([{ ...long, targets }]);
      expect(Math.abs(loss - want)).toBeLessThan(1e-5);
    }
    trainer.dispose();
  });
});

describe('the options of a model', () => {
  it('start the state anew inside a row: two documents in one give what each gives alone', async () => {
    const trainer = trainerOf();
    const [first, second] = [text.subarray(0, 6), text.subarray(200, 205)];
    const rowOf = (tokens: Int32Array): Batch => ({
      tokens,
      targets: tokens.map((token) => (token * 3) % VOCABULARY),
      batchSize: 1,
      length: tokens.length,
    });
    const both = rowOf(Int32Array.from([...first, ...second]));
    const apart = await trainer.evaluate([rowOf(first), rowOf(second)]);
    const together = await trainer.evaluate([
      { ...both, documentStarts: Uint8Array.from(both.tokens, (_, i) => Number(i === 0 || i === 6)) },
    ]);
    const mixed = await trainer.evaluate([both]);
    expect(Math.abs(together.loss - apart.loss)).toBeLessThan(1e-6);
    expect(Math.abs(mixed.loss - apart.loss)).toBeGreaterThan(1e-4);
    trainer.dispose();
  });

  it('train to the same numbers with recomputed layers, from batches with starts', async () => {
    const documents = Array.from({ length: 30 }, (_, i) => 30 * i);
    const blocks = randomBlocks(tokenSource(text, documents), { batchSize: 4, blockSize: 40, seed: 3 });
    expect((await blocks.batch(0, 0)).documentStarts).toBeDefined();
    const run = async (recompute: boolean) => {
      const trainer = trainerOf({ recompute, sampler: blocks, optimizer: sgd() });
      const losses = await lossesOf(trainer, 3);
      trainer.dispose();
      return losses;
    };
    await expectClose('losses', await run(false), await run(true), 1e-6);
  });
});

describe('steps that are not finite', () => {
  /** A Mamba whose logits are broken at some calls of `forward`. */
  const breaking = (isBroken: (call: number) => boolean): AnyModel => {
    let call = 0;
    const model = {
      ...mamba,
      forward: (params: MambaParams, config: MambaConfig, tokens: Tensor2D, options?: object) => {
        const logits = mamba.forward(params, config, tokens, options);
        return isBroken(call++) ? mul(logits, Number.NaN) : logits;
      },
    };
    return model as AnyModel;
  };

  it('are skipped and counted, and change nothing', async () => {
    const trainer = new Trainer(
      optionsOf(
        breaking((call) => call === 1),
        mambaJson,
      ),
    );
    await trainer.step();
    const before = plain(await trainer.save());
    const record = await trainer.step();
    expect(record).toMatchObject({ step: 1, loss: Number.NaN, skipped: true });
    const after = plain(await trainer.save());
    expect(after.params).toEqual(before.params);
    expect(after.tensors).toEqual(before.tensors);
    expect(after.counters).toMatchObject({ steps: 2, skipped: 1, skippedInARow: 1 });
    expect(await trainer.step()).toMatchObject({ step: 2, skipped: false });
    expect((await trainer.save()).counters).toMatchObject({ skipped: 1, skippedInARow: 0 });
    trainer.dispose();
  });

  it('are an error with advice where too many follow each other', async () => {
    const trainer = new Trainer(
      optionsOf(
        breaking((call) => call > 0),
        mambaJson,
        { maxSkippedSteps: 2 },
      ),
    );
    await lossesOf(trainer, 3);
    await expect(trainer.step()).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: Trainer.step: 3 steps in a row were not finite and were skipped.
        expected  a finite loss and gradient
        got       loss NaN, gradient norm NaN at step 3
        fix       lower the learning rate, lengthen the warm-up or clip the gradients (1 is usual), and go on from the last good checkpoint]
    `);
    trainer.dispose();
  });

  it('leave no carried state behind', async () => {
    let calls = 0;
    const model = {
      ...mamba,
      advance: (params: MambaParams, config: MambaConfig, tokens: Tensor2D, state: MambaState) => {
        const [logits, next] = mamba.advance(params, config, tokens, state);
        return [calls++ === 1 ? mul(logits, Number.NaN) : logits, next];
      },
    };
    const sampler = consecutiveBlocks(source, { batchSize: 2, blockSize: 5 });
    const trainer = new Trainer(optionsOf(model as AnyModel, mambaJson, { carryState: true, sampler }));
    await trainer.step();
    expect((await trainer.save()).counters.carried).toHaveLength(1);
    await trainer.step();
    expect((await trainer.save()).counters.carried).toHaveLength(0);
    trainer.dispose();
  });
});

describe('a trainer', () => {
  it.each([
    ['AdamW', () => ({ optimizer: adamW() })],
    ['Muon', () => ({ optimizer: muon() })],
    ['SGD with momentum', () => ({ optimizer: sgd({ momentum: 0.9 }) })],
    [
      'accumulation and a carried state',
      () => ({
        gradientAccumulationSteps: 2,
        carryState: true,
        sampler: consecutiveBlocks(source, { batchSize: 2, blockSize: 5, gradientAccumulationSteps: 2 }),
      }),
    ],
  ])('holds as many tensors and bytes after 40 steps as after 10: %s', async (_, more: () => Options) => {
    const start = memory().numTensors;
    const trainer = trainerOf(more());
    await lossesOf(trainer, 10);
    const { numTensors, numBytes, numDataBuffers } = memory();
    await lossesOf(trainer, 30);
    expect(memory()).toMatchObject({ numTensors, numBytes, numDataBuffers });
    trainer.dispose();
    expect(memory().numTensors).toBe(start);
  });

  it('learns', async () => {
    const trainer = trainerOf({ schedule: () => 0.02 });
    const held = [await randomBlocks(source, { batchSize: 8, blockSize: 9, seed: 77 }).batch(0, 0)];
    const before = await trainer.evaluate(held);
    const losses = await lossesOf(trainer, 40);
    const after = await trainer.evaluate(held);
    expect(before).toMatchObject({ tokens: 72 });
    expect(Math.abs(before.loss - Math.log(VOCABULARY))).toBeLessThan(0.1);
    expect(after.loss).toBeLessThan(0.7 * before.loss);
    expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] as number));
    trainer.dispose();
  });

  it('clips to the largest norm and records the norm before', async () => {
    const more = { optimizer: sgd(), schedule: () => 1 };
    const moved = async (gradClip: number | undefined) => {
      const trainer = trainerOf({ ...more, optimizer: sgd(), gradClip });
      const before = await trainer.save();
      const { gradNorm } = await trainer.step();
      const after = await trainer.save();
      let squares = 0;
      for (const [name, { values }] of before.params)
        values.forEach((value, i) => {
          squares += (value - (after.params.get(name)?.values[i] as number)) ** 2;
        });
      trainer.dispose();
      return { gradNorm, distance: Math.sqrt(squares) };
    };
    const [free, clipped] = [await moved(undefined), await moved(0.01)];
    expect(free.distance).toBeCloseTo(free.gradNorm, 5);
    expect(clipped.gradNorm).toBe(free.gradNorm);
    expect(clipped.distance).toBeCloseTo(0.01, 5);
  });

  it('asks the schedule for the rate of each step and reports it', async () => {
    const trainer = trainerOf({ schedule: (step) => 0.001 * step });
    const before = plain(await trainer.save()).params;
    expect(await trainer.step()).toMatchObject({ step: 0, learningRate: 0, tokens: 27, skipped: false });
    expect(plain(await trainer.save()).params).toEqual(before);
    expect(await trainer.step()).toMatchObject({ step: 1, learningRate: 0.001 });
    expect([trainer.steps, trainer.tokens, trainer.skipped]).toEqual([2, 54, 0]);
    trainer.dispose();
  });

  it('weighs an evaluation by targets', async () => {
    const trainer = trainerOf();
    const [long, short] = [
      await randomBlocks(source, { batchSize: 3, blockSize: 9, seed: 1 }).batch(0, 0),
      await randomBlocks(source, { batchSize: 1, blockSize: 4, seed: 2 }).batch(0, 0),
    ];
    const [a, b, both] = [await trainer.evaluate([long]), await trainer.evaluate([short]), await trainer.evaluate([long, short])];
    expect(both.tokens).toBe(31);
    expect(both.loss).toBeCloseTo((27 * a.loss + 4 * b.loss) / 31, 6);
    await expect(trainer.evaluate([])).rejects.toThrow(/`batches` cannot be used/);
    trainer.dispose();
  });

  it('refuses two steps at once, and a step without targets', async () => {
    const trainer = trainerOf();
    const first = trainer.step();
    await expect(trainer.step()).rejects.toThrow(/has not ended/);
    await first;
    trainer.dispose();
    const empty: BatchSampler = {
      batch: async () => ({ tokens: Int32Array.of(1), targets: Int32Array.of(IGNORED_TARGET), batchSize: 1, length: 1 }),
    };
    const idle = trainerOf({ sampler: empty });
    await expect(idle.step()).rejects.toThrow(/step 0 has no token to predict/);
    idle.dispose();
  });

  it('lets the host do other things between steps', async () => {
    const trainer = trainerOf();
    let turns = 0;
    const turn = () => {
      turns++;
      if (turns < 100) setImmediate(turn);
    };
    setImmediate(turn);
    await lossesOf(trainer, 3);
    expect(turns).toBeGreaterThan(2);
    trainer.dispose();
  });
});

it.each(['gradientAccumulationSteps', 'gradClip', 'maxSkippedSteps'])('refuses a bad %s', (name) => {
  const options = optionsOf(mamba, mambaJson);
  expect(() => new Trainer({ ...options, [name]: -1 })).toThrow(new RegExp(`Trainer: \`${name}\` cannot be used`));
  disposeTree(options.params);
});
