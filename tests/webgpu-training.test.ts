import { mamba } from '@densessm/mamba';
import { denseRetNet } from '@densessm/retnet';
import { startBackend } from '@densessm/runtime-node';
import { type AnyModel, buildParams, disposeTree, namedParams } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import {
  adamW,
  consecutiveBlocks,
  cosineSchedule,
  IGNORED_TARGET,
  randomBlocks,
  sgd,
  Trainer,
  type TrainerOptions,
  type TrainingState,
  tokenSource,
} from '@densessm/train';
import { engine, findBackend, mul, setBackend, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import { missingDevice } from './webgpu-device';

const missing = await missingDevice('tests/webgpu-training.test.ts');

const VOCABULARY = 11;
const mambaJson = { model_type: 'mamba', vocab_size: VOCABULARY, hidden_size: 8, num_hidden_layers: 2, state_size: 4 };
const retnetJson = {
  ...{ vocab_size: VOCABULARY, hidden_size: 8, dense_gate_rank: 1, query_key_dim: 8, v_factor: 2, num_attention_heads: 2 },
  ...{ num_hidden_layers: 2, dense_block_layers: 1 },
};
const text = Int32Array.from({ length: 900 }, (_, i) => (i * i + (i % 7 === 0 ? 3 : 0)) % VOCABULARY);
const source = tokenSource(text);

type Options = Partial<TrainerOptions<unknown, object, unknown>>;
type AnyTrainer = Trainer<unknown, object, unknown>;

/** With starting values that do not depend on the backend. */
async function trainerOn(backend: string, model: AnyModel, json: object, more: Options = {}): Promise<AnyTrainer> {
  await setBackend('wasm');
  const config = model.parseConfig(json);
  const spec = model.spec(config);
  const start = model.init(config, 1);
  const values = new Map<string, Float32Array>();
  for (const [{ name }, leaf] of namedParams(spec, start)) values.set(name, (await leaf.data()).slice() as Float32Array);
  disposeTree(start);
  await setBackend(backend);
  const params = buildParams(spec, ({ name, shape }) => tensor(values.get(name) as Float32Array, [...shape]) as Tensor) as object;
  return new Trainer({ ...commonOptions(model, config), params, ...more });
}

const blocks = randomBlocks(source, { batchSize: 3, blockSize: 9, seed: 5 });
/** Of one shape, with borders of documents at changing places. */
const documents = {
  batch: async (step: number, part: number) => {
    const batch = await blocks.batch(step, part);
    const targets = batch.targets.map((id, i) => (i < 1 + step + part ? IGNORED_TARGET : id));
    return { ...batch, targets, documentStarts: Uint8Array.from(batch.tokens, (_, i) => ((i + step) % 5 === 0 ? 1 : 0)) };
  },
};

/** The kernels that bind groups are made for meanwhile. */
async function kernelsOf(run: () => Promise<unknown>): Promise<string[]> {
  const { device } = findBackend('webgpu') as unknown as { device: GPUDevice };
  const { createBindGroup } = device;
  const names: string[] = [];
  device.createBindGroup = (described) => {
    names.push(described.label ?? '');
    return createBindGroup.call(device, described);
  };
  await run();
  device.createBindGroup = createBindGroup;
  return names;
}

const commonOptions = (model: AnyModel, config: unknown) => ({
  ...{ model, config, optimizer: adamW({ weightDecay: 0.1 }), gradClip: 1 },
  schedule: cosineSchedule({ learningRate: 0.01, warmupSteps: 2, maxSteps: 8 }),
  sampler: randomBlocks(source, { batchSize: 3, blockSize: 9, seed: 5 }),
});

async function lossesOf(trainer: AnyTrainer, steps: number): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push((await trainer.step()).loss);
  return losses;
}

const plain = ({ params, tensors, counters }: TrainingState) => ({
  params: [...params].map(([name, { values }]) => [name, [...values]]),
  tensors: [...tensors].map(([name, { values }]) => [name, [...values]]),
  counters,
});

describe.skipIf(missing)('training on WebGPU', () => {
  const cases: [string, AnyModel, object, () => Options][] = [
    ['a Mamba, clipped', mamba, mambaJson, () => ({ gradClip: 0.1 })],
    ['a Mamba, not clipped, in two parts', mamba, mambaJson, () => ({ gradClip: undefined, gradientAccumulationSteps: 2 })],
    ['a dense RetNet with recomputed layers', denseRetNet, retnetJson, () => ({ recompute: true })],
    ['an optimizer that waits for the norm', mamba, mambaJson, () => ({ optimizer: sgd({ momentum: 0.9 }) })],
  ];

  it.each(cases)('learns what it learns on wasm: %s', async (_, model, json, more) => {
    const run = async (backend: string) => {
      const trainer = await trainerOn(backend, model, json, more());
      const losses = await lossesOf(trainer, 3);
      const { params } = await trainer.save();
      trainer.dispose();
      return { losses, params };
    };
    const [want, got] = [await run('wasm'), await run('webgpu')];
    await expectClose('losses', want.losses, got.losses, 1e-4);
    for (const [name, { values }] of want.params) await expectClose(name, values, got.params.get(name)?.values ?? [], 2e-2);
  });

  it.each([
    ['AdamW', () => ({ gradientAccumulationSteps: 2 })],
    ['a carried state', () => ({ carryState: true, sampler: consecutiveBlocks(source, { batchSize: 3, blockSize: 9 }) })],
  ])('goes on bit for bit from what was saved: %s', async (_, more) => {
    const whole = await trainerOn('webgpu', mamba, mambaJson, more());
    const want = await lossesOf(whole, 4);
    const first = await trainerOn('webgpu', mamba, mambaJson, more());
    const losses = await lossesOf(first, 2);
    const [state] = await Promise.all([first.save(), first.step()]);
    first.dispose();
    const second: AnyTrainer = Trainer.restore<unknown, object, unknown>(
      { ...commonOptions(mamba, mamba.parseConfig(mambaJson)), ...more() },
      state,
    );
    losses.push(...(await lossesOf(second, 2)));
    expect(losses).toEqual(want);
    expect(plain(await second.save())).toEqual(plain(await whole.save()));
    whole.dispose();
    second.dispose();
  });

  const replayed: [string, AnyModel, object, () => Options][] = [
    ['a Mamba', mamba, mambaJson, () => ({})],
    ['a dense RetNet with recomputed layers', denseRetNet, retnetJson, () => ({ recompute: true })],
    ['an optimizer that waits for the norm', mamba, mambaJson, () => ({ optimizer: sgd({ momentum: 0.9 }) })],
    ['documents', mamba, mambaJson, () => ({ sampler: documents })],
    ['two micro-batches of changing numbers of targets', mamba, mambaJson, () => ({ sampler: documents, gradientAccumulationSteps: 2 })],
  ];

  it.each(replayed)('learns the same bits from steps that are replayed, also after others between: %s', async (_, model, json, more) => {
    const run = async (replay: boolean, isTimed = false) => {
      const trainer = await trainerOn('webgpu', model, json, { ...more(), replay });
      if (isTimed) {
        let ms = 0;
        const clock = vi.spyOn(performance, 'now').mockImplementation(() => ++ms); // what takes long here would not be tried again
        expect(await trainer.tryBatch(await ((more().sampler as typeof blocks) ?? blocks).batch(7, 0))).toBeGreaterThan(0);
        clock.mockRestore();
      }
      const pool = (findBackend('webgpu') as unknown as { bufferManager: { numBytesUsed: number } }).bufferManager;
      const losses: number[] = [];
      const first = await kernelsOf(async () => losses.push(...(await lossesOf(trainer, 1))));
      losses.push(...(await lossesOf(trainer, 4)));
      const before = pool.numBytesUsed;
      const kernels = await kernelsOf(() => trainer.step());
      const grown = pool.numBytesUsed - before;
      await trainer.evaluate([await blocks.batch(99, 0)]);
      losses.push(...(await lossesOf(trainer, 2)));
      const state = plain(await trainer.save());
      trainer.dispose();
      return { losses, state, kernels, grown, first };
    };
    const { numTensors } = engine().memory();
    const [want, got, timed] = [await run(false), await run(true), await run(true, true)];
    for (const { losses, state } of [got, timed]) expect({ losses, state }).toEqual({ losses: want.losses, state: want.state });
    expect([want, got, timed].map(({ first }) => first.includes('SsmMatMul'))).toEqual([true, true, false]);
    expect(got.kernels).not.toContain('SsmMatMul');
    expect(got.kernels.includes('SsmSquareSum')).toBe('gradientAccumulationSteps' in more()); // the norm of one micro-batch is replayed with it
    expect(want.kernels).toContain('SsmMatMul');
    expect(got.grown).toBeLessThanOrEqual(0);
    expect(engine().memory().numTensors).toBe(numTensors);
  });

  it('replays nothing where a batch has another shape, and goes on with the first', async () => {
    const sizes = [9, 9, 9, 9, 7, 9, 9, 9, 9];
    const samplers = new Map(sizes.map((blockSize) => [blockSize, randomBlocks(source, { batchSize: 2, blockSize, seed: 5 })]));
    const sampler = { batch: (step: number, part: number) => (samplers.get(sizes[step] as number) as typeof blocks).batch(step, part) };
    const run = async (replay: boolean) => {
      const trainer = await trainerOn('webgpu', mamba, mambaJson, { sampler, replay });
      return lossesOf(trainer, sizes.length).finally(() => trainer.dispose());
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('replays no step whose constants differ from those of the one before', async () => {
    let factor = 1;
    const changing: AnyModel = {
      ...mamba,
      forward: (params: never, config: never, tokens: never, options: never) => {
        factor *= 0.5;
        return mul(mamba.forward(params, config, tokens, options), factor);
      },
    } as AnyModel;
    const run = async (replay: boolean) => {
      factor = 1;
      const trainer = await trainerOn('webgpu', changing, mambaJson, { replay });
      return lossesOf(trainer, 6).finally(() => trainer.dispose());
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('replays no step that read memory which others have meanwhile', async () => {
    let scale: Tensor | undefined;
    const reading: AnyModel = {
      ...mamba,
      forward: (params: never, config: never, tokens: never, options: never) =>
        mul(mamba.forward(params, config, tokens, options), scale as Tensor),
    } as AnyModel;
    const run = async (replay: boolean) => {
      const trainer = await trainerOn('webgpu', reading, mambaJson, { replay });
      const losses: number[] = [];
      for (let step = 0; step < 8; step++) {
        if (step % 4 === 0) {
          scale?.dispose();
          scale = tensor([step === 0 ? 1 : 0.25]);
        }
        losses.push(...(await lossesOf(trainer, 1)));
      }
      scale?.dispose();
      scale = undefined;
      trainer.dispose();
      return losses;
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('a step that is not finite changes nothing, and does not count', async () => {
    let isBroken = false;
    const breaking: AnyModel = {
      ...mamba,
      forward: (params: never, config: never, tokens: never, options: never) => {
        const logits = mamba.forward(params, config, tokens, options);
        return isBroken ? mul(logits, Number.NaN) : logits;
      },
    } as AnyModel;
    const trainer = await trainerOn('webgpu', breaking, mambaJson);
    await trainer.step();
    const before = plain(await trainer.save());
    isBroken = true;
    expect(await trainer.step()).toMatchObject({ step: 1, loss: Number.NaN, skipped: true });
    const after = plain(await trainer.save());
    expect(after.params).toEqual(before.params);
    expect(after.tensors).toEqual(before.tensors);
    expect(after.counters.optimizer).toEqual(before.counters.optimizer);
    isBroken = false;
    expect((await trainer.step()).skipped).toBe(false);
    trainer.dispose();
  });

  it('reads one tensor a step back, and only after all of its work was handed over', async () => {
    const trainer = await trainerOn('webgpu', mamba, mambaJson);
    await trainer.step();
    const backend = findBackend('webgpu') as unknown as { read(dataId: object): Promise<unknown> };
    const read = backend.read;
    let [reads, wasUpdated] = [0, false];
    backend.read = async (dataId) => {
      reads++;
      const before = trainer.params;
      const values = await read.call(backend, dataId);
      wasUpdated = trainer.params !== before;
      return values;
    };
    await trainer.step();
    backend.read = read;
    expect([reads, wasUpdated]).toEqual([1, true]);
    trainer.dispose();
  });

  it('takes no more memory after more steps, nor after other lengths', async () => {
    const blocks = [9, 13, 7].map((blockSize) => randomBlocks(source, { batchSize: 2, blockSize, seed: 5 }));
    const sampler = { batch: (step: number, part: number) => (blocks[step % blocks.length] as (typeof blocks)[number]).batch(step, part) };
    const trainer = await trainerOn('webgpu', mamba, mambaJson, { sampler });
    const pool = (findBackend('webgpu') as unknown as { bufferManager: { numBytesUsed: number; numUsedBuffers: number } }).bufferManager;
    const saved = () => lossesOf(trainer, 3).then(() => trainer.save()); // until all dispatches are handed over, what they read is in use
    const used = () => saved().then(() => [pool.numBytesUsed, pool.numUsedBuffers]);
    const before = await used();
    expect(await used()).toEqual(before);
    trainer.dispose();
  });

  it('a step whose device is lost says so, and what was saved goes on bit for bit on another', async () => {
    const oneLayer = { ...mambaJson, num_hidden_layers: 1 };
    const first = await trainerOn('webgpu', mamba, oneLayer);
    await first.step();
    const state = await first.save();
    const want = await lossesOf(first, 1);
    const [step, { device }] = [first.step(), findBackend('webgpu') as unknown as { device: GPUDevice }];
    device.destroy();
    await expect(step).rejects.toMatchObject({ code: 'LOST' });
    await expect(first.step()).rejects.toMatchObject({ code: 'LOST' });
    first.dispose();
    await startBackend({ device: 'webgpu' });
    const second: AnyTrainer = Trainer.restore<unknown, object, unknown>(commonOptions(mamba, mamba.parseConfig(oneLayer)), state);
    expect(await lossesOf(second, 1)).toEqual(want);
    second.dispose();
  });
});
