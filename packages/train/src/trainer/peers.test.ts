import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import type { AnyModel } from '@densessm/ssm-core';
import { mapTree } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import { add, memory, type Tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type Batch, type BatchSampler, IGNORED_TARGET } from '../data/batch';
import { evaluationBlocks } from '../data/evaluation';
import { consecutiveBlocks, packedDocuments, randomBlocks } from '../data/samplers';
import { sgd } from '../optimizers/sgd';
import { localPeers } from '../test-support/local-peers';
import {
  type AnyTrainer,
  mambaJson,
  type Options,
  optionsOf,
  plain,
  retnetJson,
  source,
  text,
  VOCABULARY,
} from '../test-support/small-trainer';
import { Trainer } from './trainer';
import type { StepRecord, TrainingState } from './types';

interface Group {
  readonly batchSize: number;
  readonly parts?: number;
  readonly size: number;
}
const ONE: Group = { batchSize: 8, size: 1 };

type Make = (group: Group) => Options;
const random: Make = ({ batchSize }) => ({ sampler: randomBlocks(source, { batchSize, blockSize: 9, seed: 5 }) });
const carried: Make = ({ batchSize, parts = 1, size }) => ({
  sampler: consecutiveBlocks(source, { batchSize, blockSize: 9, gradientAccumulationSteps: parts * size }),
  carryState: true,
});
/** Eight rows whose numbers of targets differ, so that parts do. */
const uneven: Make = ({ batchSize }) => ({
  sampler: {
    async batch(step, part): Promise<Batch> {
      const tokens = Int32Array.from({ length: batchSize * 7 }, (_, i) => text[step * 90 + part * batchSize * 7 + i] as number);
      const targets = Int32Array.from(tokens, (token, i) =>
        (part * batchSize + Math.floor(i / 7)) % 8 > i % 7 ? IGNORED_TARGET : (token * 5 + 1) % VOCABULARY,
      );
      return { tokens, targets, batchSize, length: 7 };
    },
  } satisfies BatchSampler,
});

function trainersOf(model: AnyModel, json: object, make: Make, group: Group, more: Options = {}): AnyTrainer[] {
  const options = { optimizer: undefined, gradientAccumulationSteps: group.parts ?? 1, schedule: () => 0.02, ...make(group), ...more };
  return (group.size === 1 ? [undefined] : localPeers(group.size)).map(
    (peers) => new Trainer(optionsOf(model, json, { ...options, optimizer: sgd({ momentum: 0.9 }), peers })),
  );
}

async function stepsOf(trainers: readonly AnyTrainer[], steps: number): Promise<StepRecord[]> {
  const records: StepRecord[] = [];
  for (let i = 0; i < steps; i++) {
    const all = await Promise.all(trainers.map((trainer) => trainer.step()));
    const [first] = all.map(({ seconds: _, ...record }) => record);
    for (const { seconds: _, ...record } of all) expect(record).toEqual(first); // every rank tells the same
    records.push(all[0] as StepRecord);
  }
  return records;
}

async function endOf(trainers: readonly AnyTrainer[]): Promise<TrainingState> {
  const states = await Promise.all(trainers.map((trainer) => trainer.save()));
  for (const state of states) expect(plain(state)).toEqual(plain(states[0] as TrainingState));
  for (const trainer of trainers) trainer.dispose();
  return states[0] as TrainingState;
}

async function expectSame(want: StepRecord[], got: StepRecord[], states: [TrainingState, TrainingState]): Promise<void> {
  for (const [i, record] of want.entries()) {
    expect(Math.abs((got[i]?.loss ?? 0) - record.loss)).toBeLessThan(1e-5);
    expect(got[i]?.tokens).toBe(record.tokens);
  }
  for (const [name, { values }] of states[0].params) await expectClose(name, values, states[1].params.get(name)?.values ?? [], 1e-5);
}

const groups: Group[] = [
  { batchSize: 4, size: 2 },
  { batchSize: 2, size: 4 },
  { batchSize: 2, parts: 2, size: 2 },
];

describe.each([
  ['mamba', mamba as AnyModel, mambaJson],
  ['retnet', retnet as AnyModel, retnetJson],
])('%s', (_, model, json) => {
  it.each(groups)('trains in $size processes with $batchSize texts as in one with all of them', async (group) => {
    for (const make of [random, uneven, carried]) {
      const [one, many] = [trainersOf(model, json, make, ONE), trainersOf(model, json, make, group)];
      const [want, got] = [await stepsOf(one, 6), await stepsOf(many, 6)];
      await expectSame(want, got, [await endOf(one), await endOf(many)]);
    }
  });

  it('goes on in another number of processes, carried states too', async () => {
    const whole = trainersOf(model, json, carried, ONE);
    const want = await stepsOf(whole, 6);
    const [four] = groups.slice(1);
    const first = trainersOf(model, json, carried, four as Group);
    await stepsOf(first, 3);
    const state = await endOf(first);
    const second = { batchSize: 4, size: 2 };
    const restored = localPeers(2).map((peers) => {
      const { params, ...options } = optionsOf(model, json, {
        ...carried(second),
        schedule: () => 0.02,
        optimizer: sgd({ momentum: 0.9 }),
        peers,
      });
      mapTree(params, (one) => one.dispose());
      return Trainer.restore(options, state) as AnyTrainer;
    });
    const got = await stepsOf(restored, 3);
    await expectSame(want.slice(3), got, [await endOf(whole), await endOf(restored)]);
  });
});

describe('the processes', () => {
  it('read every block of an epoch once between them, however many they are', async () => {
    const seen = async (size: number, batchSize: number): Promise<number[]> => {
      const sampler = packedDocuments(source, { batchSize, blockSize: 9, seed: 3, gradientAccumulationSteps: size });
      const blocks = Math.ceil(899 / 9);
      const starts: number[] = [];
      for (let step = 0; step < blocks / (size * batchSize); step++)
        for (let rank = 0; rank < size; rank++) starts.push(...(await sampler.batch(step, rank)).tokens.filter((_, i) => i % 9 < 4));
      return starts;
    };
    const [one, two, four] = [await seen(1, 4), await seen(2, 2), await seen(4, 1)];
    expect([two, four]).toEqual([one, one]);
    expect(one).toHaveLength(400);
  });

  it('differ where their gradients are not added up', async () => {
    const [one, many] = [trainersOf(mamba, mambaJson, random, ONE), trainersOf(mamba, mambaJson, random, { batchSize: 4, size: 2 })];
    const alone = trainersOf(mamba, mambaJson, random, { batchSize: 4, size: 1 });
    const [want, got, wrong] = [await stepsOf(one, 4), await stepsOf(many, 4), await stepsOf(alone, 4)];
    expect(Math.abs((got[3]?.loss ?? 0) - (want[3]?.loss ?? 0))).toBeLessThan(1e-5);
    expect(Math.abs((wrong[3]?.loss ?? 0) - (want[3]?.loss ?? 0))).toBeGreaterThan(1e-3);
    for (const trainer of [...one, ...many, ...alone]) trainer.dispose();
  });

  it('share an evaluation, also where there are fewer batches than processes', async () => {
    const [one] = trainersOf(mamba, mambaJson, random, ONE);
    const many = trainersOf(mamba, mambaJson, random, { batchSize: 2, size: 4 });
    for (const maxBlocks of [3, 20]) {
      const held = evaluationBlocks(source, { batchSize: 3, blockSize: 11, maxBlocks });
      const want = await one?.evaluate(held);
      for (const got of await Promise.all(many.map((trainer) => trainer.evaluate(held)))) {
        expect(got.tokens).toBe(want?.tokens);
        expect(Math.abs(got.loss - (want?.loss ?? 0))).toBeLessThan(1e-6);
      }
    }
    for (const trainer of [...many, ...(one ? [one] : [])]) trainer.dispose();
  });

  it('notice one whose parameters have drifted, at the next comparison and before a save', async () => {
    const drift = async (steps: number, checkInterval: number): Promise<unknown[]> => {
      const trainers = trainersOf(mamba, mambaJson, random, { batchSize: 2, size: 3 }, { checkInterval });
      for (const [rank, trainer] of trainers.entries()) if (rank === 2) nudge(trainer);
      const run = async (trainer: AnyTrainer) => {
        for (let i = 0; i < steps; i++) await trainer.step();
        await trainer.save();
      };
      const settled = await Promise.allSettled(trainers.map(run));
      for (const trainer of trainers) trainer.dispose();
      return settled.map((one) => (one.status === 'rejected' ? String(one.reason.message).split('\n')[0] : 'fine'));
    };
    const told = (steps: number) => new Array(3).fill(`Trainer: the parameters of the ranks have drifted apart after ${steps} steps.`);
    expect(await drift(4, 2)).toEqual(told(2));
    expect(await drift(1, 0)).toEqual(told(1));
  });

  it('leave no tensor behind', async () => {
    const before = memory().numTensors;
    const trainers = trainersOf(retnet, retnetJson, carried, { batchSize: 2, parts: 2, size: 2 }, { outer: { every: 2 } });
    await Promise.all(trainers.map(async (trainer) => [await trainer.step(), await trainer.step(), await trainer.step()]));
    for (const trainer of trainers) trainer.dispose();
    expect(memory().numTensors).toBe(before);
  });
});

/** Changes one parameter a little, as faulty memory would. */
function nudge(trainer: AnyTrainer): void {
  const params = trainer.params as { embeddings: Tensor };
  const before = params.embeddings;
  params.embeddings = add(before, 1e-7);
  before.dispose();
}

describe('outer steps', () => {
  const outer = { every: 3 };

  it('with a rate of 1 and no momentum average what the processes learned alone', async () => {
    const plainAverage = { every: 3, learningRate: 1, momentum: 0 };
    const trainers = trainersOf(mamba, mambaJson, random, { batchSize: 4, size: 2 }, { outer: plainAverage });
    const records = await Promise.all(trainers.map(async (trainer) => [await trainer.step(), await trainer.step(), await trainer.step()]));
    expect(records[0]?.[2]?.loss).not.toBe(records[1]?.[2]?.loss); // each has gone its own way
    const both = await endOf(trainers);
    const parts = await Promise.all(
      [0, 1].map(async (rank) => {
        const { sampler } = random({ batchSize: 4, size: 2 }) as { sampler: BatchSampler };
        const mine: BatchSampler = { batch: (step) => sampler.batch(step, rank) };
        const alone = trainersOf(mamba, mambaJson, () => ({ sampler: mine }), { batchSize: 4, size: 1 });
        await stepsOf(alone, 3);
        return endOf(alone);
      }),
    );
    for (const [name, { values }] of both.params) {
      const mean = values.map((_, i) => ((parts[0]?.params.get(name)?.values[i] ?? 0) + (parts[1]?.params.get(name)?.values[i] ?? 0)) / 2);
      await expectClose(name, mean, values, 1e-6);
    }
  });

  it('go on bit for bit after a save, also in another number of processes', async () => {
    const make = () => trainersOf(mamba, mambaJson, random, { batchSize: 4, size: 2 }, { outer });
    const whole = make();
    await Promise.all(
      whole.map(async (trainer) => {
        for (let i = 0; i < 9; i++) await trainer.step();
      }),
    );
    const want = await endOf(whole);
    const first = make();
    await Promise.all(
      first.map(async (trainer) => {
        for (let i = 0; i < 6; i++) await trainer.step();
      }),
    );
    const state = await endOf(first);
    const resume = (size: number) =>
      localPeers(size).map((peers) => {
        const { params, ...options } = optionsOf(mamba, mambaJson, {
          ...random({ batchSize: 8 / size, size }),
          ...{ schedule: () => 0.02, optimizer: sgd({ momentum: 0.9 }), peers, outer },
        });
        mapTree(params, (one) => one.dispose());
        return Trainer.restore(options, state) as AnyTrainer;
      });
    const [second, four] = [resume(2), resume(4)];
    for (const trainers of [second, four])
      await Promise.all(
        trainers.map(async (trainer) => {
          for (let i = 0; i < 3; i++) await trainer.step();
        }),
      );
    expect(plain(await endOf(second))).toEqual(plain(want));
    expect((await endOf(four)).counters.steps).toBe(9);
  });

  it('cannot be saved between two of them', async () => {
    const trainers = trainersOf(mamba, mambaJson, random, { batchSize: 4, size: 2 }, { outer });
    await Promise.all(trainers.map((trainer) => trainer.step()));
    expect(trainers[0]?.isWhole).toBe(false);
    await expect(trainers[0]?.save()).rejects.toThrow('between two outer steps');
    for (const trainer of trainers) trainer.dispose();
  });
});
