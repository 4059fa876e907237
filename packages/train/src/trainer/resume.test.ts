import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import { type AnyModel, disposeTree } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import { consecutiveBlocks, randomBlocks } from '../data/samplers';
import { adamW } from '../optimizers/adamw';
import { muon } from '../optimizers/muon';
import { sgd } from '../optimizers/sgd';
import { type AnyTrainer, lossesOf, mambaJson, type Options, optionsOf, plain, retnetJson, source } from '../test-support/small-trainer';
import { Trainer } from './trainer';
import type { TrainingState } from './types';

const trainerOf = (more?: Options): AnyTrainer => new Trainer(optionsOf(mamba, mambaJson, more));

/** What a checkpoint on disk does to the counters. */
const throughJson = (state: TrainingState): TrainingState => ({ ...state, counters: JSON.parse(JSON.stringify(state.counters)) });

afterEach(() => setBackend('wasm'));

describe('exact resume', () => {
  const consecutive = (parts = 1) => consecutiveBlocks(source, { batchSize: 3, blockSize: 9, gradientAccumulationSteps: parts });
  const cases: [string, AnyModel, object, () => Options][] = [
    ['AdamW', mamba, mambaJson, () => ({ optimizer: adamW({ weightDecay: 0.1 }) })],
    ['SGD', mamba, mambaJson, () => ({ optimizer: sgd({ momentum: 0.9, nesterov: true }) })],
    ['Muon', mamba, mambaJson, () => ({ optimizer: muon() })],
    ['accumulation', mamba, mambaJson, () => ({ gradientAccumulationSteps: 2 })],
    ['carried state', mamba, mambaJson, () => ({ carryState: true, sampler: consecutive() })],
    [
      'carried state, accumulation',
      retnet,
      retnetJson,
      () => ({ carryState: true, sampler: consecutive(2), gradientAccumulationSteps: 2 }),
    ],
    // more logits than exist at a time
    [
      'a large vocabulary',
      mamba,
      { ...mambaJson, vocab_size: 70_001, hidden_size: 2 },
      () => ({ sampler: randomBlocks(source, { batchSize: 3, blockSize: 83, seed: 5 }) }),
    ],
  ];
  // one case on cpu, which is slow
  const runs = [...cases.map((one) => ['wasm', ...one] as const), ['cpu', ...(cases[0] as (typeof cases)[number])] as const];
  it.each(runs)('goes on bit for bit on %s: %s', async (backend, _, model, json, more) => {
    await setBackend(backend);
    const whole = new Trainer(optionsOf(model, json, more()));
    const want = await lossesOf(whole, 6);
    const first = new Trainer(optionsOf(model, json, more()));
    const losses = await lossesOf(first, 3);
    const state = throughJson(await first.save());
    first.dispose();
    const { params, ...options } = optionsOf(model, json, more());
    disposeTree(params);
    const second = Trainer.restore(options, state);
    losses.push(...(await lossesOf(second, 3)));
    expect(losses).toEqual(want);
    expect(plain(await second.save())).toEqual(plain(await whole.save()));
    whole.dispose();
    second.dispose();
  });

  it('refuses the state of another optimizer or model', async () => {
    const trainer = trainerOf();
    const state = await trainer.save();
    trainer.dispose();
    const { params, ...options } = optionsOf(mamba, mambaJson);
    disposeTree(params);
    expect(() => Trainer.restore({ ...options, optimizer: sgd() }, state)).toThrow(/saved with another optimizer/);
    const { config: _, ...others } = options;
    const config = mamba.parseConfig({ ...mambaJson, hidden_size: 12 });
    expect(() => Trainer.restore({ ...others, config }, state)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: Trainer.restore: \`backbone.embeddings.weight\` does not fit.
        expected  [11, 12]
        got       [11, 8]
        fix       restore with the model, config and optimizer that the state was saved with]
    `);
  });

  it('saves whole steps, also while one is under way', async () => {
    const trainer = trainerOf();
    await trainer.step();
    const before = plain(await trainer.save());
    const [during] = await Promise.all([trainer.save(), trainer.step()]);
    expect(plain(during)).toEqual(before);
    trainer.dispose();
  });
});
