import { mamba } from '@densessm/mamba';
import { disposeTree, namedParams } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import {
  io,
  memory,
  randomNormal,
  setBackend,
  slice,
  type Tensor,
  type Tensor3D,
  tensor,
  tensor2d,
  tidy,
  train,
} from '@tensorflow/tfjs-core';
import {
  model as functional,
  initializers,
  input,
  type LayersModel,
  layers,
  loadLayersModel,
  type SymbolicTensor,
  sequential,
} from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Embedding } from './embedding';
import { MambaLayer } from './mamba-layer';
import { Mamba2Layer } from './mamba2-layer';
import { registerLayers } from './register';
import { DenseRetentionLayer, RetentionLayer } from './retention-layer';
import { RmsNorm } from './rms-norm';

beforeAll(async () => {
  await setBackend('wasm');
  registerLayers();
});

const randomInput = (...shape: number[]): Tensor3D => randomNormal(shape as [number, number, number], 0, 1, 'float32', 5);

/** Every kind of layer, two of one kind, in one model. */
const everything = (): LayersModel =>
  sequential({
    layers: [
      new MambaLayer({ inputShape: [null, 8], stateSize: 4, depth: 2, dense: { denseLayers: 1, fuses: 'input', gate: 'linear' } }),
      new MambaLayer({ stateSize: 3, seed: 7, config: { timeStepMax: 0.2 } }),
      new Mamba2Layer({ stateSize: 4, headDim: 4, nGroups: 2, config: { normPerGroup: true } }),
      new RetentionLayer({ numHeads: 2, dense: { denseLayers: 1, fusion: 'concat' }, depth: 2 }),
      new DenseRetentionLayer({ numHeads: 2, depth: 2, dense: { denseLayers: 1, gateRank: 2 } }),
      new RmsNorm({ epsilon: 1e-6 }),
      layers.dense({ units: 2, kernelInitializer: initializers.glorotUniform({ seed: 4 }) }),
    ],
  });

async function throughDisk(model: LayersModel): Promise<LayersModel> {
  let kept: io.ModelArtifacts | undefined;
  await model.save(
    io.withSaveHandler(async (artifacts) => {
      kept = JSON.parse(JSON.stringify({ ...artifacts, weightData: undefined }));
      (kept as io.ModelArtifacts).weightData = artifacts.weightData;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return loadLayersModel(io.fromMemory(kept as io.ModelArtifacts));
}

describe('a model of these layers', () => {
  it('is the same after save and load, to the last bit', async () => {
    const model = everything();
    const x = randomInput(2, 9, 8);
    const loaded = await throughDisk(model);
    expect([...(await (loaded.predict(x) as Tensor).data())]).toEqual([...(await (model.predict(x) as Tensor).data())]);
    const again = await throughDisk(loaded);
    expect(JSON.stringify(again.getConfig())).toBe(JSON.stringify(loaded.getConfig()));
    expect(model.countParams()).toBe(again.countParams());
  });

  it('is the same after save and load where it came from a trained model', async () => {
    const config = mamba.parseConfig({ vocab_size: 5, d_model: 8, n_layer: 2, ssm_cfg: { d_state: 4 } });
    const params = mamba.init(config, 3);
    const layer = MambaLayer.from({ config, params }, { name: 'theirs', inputShape: [null, 8] });
    const model = sequential({ layers: [layer] });
    const x = randomInput(1, 5, 8);
    const loaded = await throughDisk(model);
    expect([...(await (loaded.predict(x) as Tensor).data())]).toEqual([...(await (model.predict(x) as Tensor).data())]);
    const back = layer.params();
    const spec = mamba.spec(config) as { layers: never };
    for (const [leaf, tensor] of namedParams(spec.layers, back)) {
      const own = new Map([...namedParams(spec.layers, params.layers)].map(([one, value]) => [one.name, value]));
      expect([...(await tensor.data())], leaf.name).toEqual([...(await (own.get(leaf.name) as Tensor).data())]);
    }
    disposeTree([back, params]);
  });

  it('is trained by fit, all of it, without tensors left behind', async () => {
    const model = everything();
    model.compile({ optimizer: train.adam(0.01), loss: 'meanSquaredError' });
    const [x, y] = [randomInput(4, 6, 8), tidy(() => slice(randomInput(4, 6, 8), [0, 0, 0], [4, 6, 2]))];
    const before = await Promise.all(model.trainableWeights.map(async (one) => [...(await one.read().data())].join()));
    const options = { epochs: 3, batchSize: 2, shuffle: false, verbose: 0 };
    const { history } = await model.fit(x, y, options);
    const losses = history.loss as number[];
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
    const after = await Promise.all(model.trainableWeights.map(async (one) => [...(await one.read().data())].join()));
    const still = model.trainableWeights.filter((_, i) => before[i] === after[i]).map(({ originalName }) => originalName);
    // gates and norms of keys and values of the first block of DenseRetNet are stored and read nowhere, as released
    expect(
      still.every((name) => /\/layers\.0\.self_attn\.[kv]_/.test(name)),
      still.join(),
    ).toBe(true);
    const tensors = memory().numTensors;
    await model.fit(x, y, options);
    expect(memory().numTensors).toBe(tensors);
  });

  it('learns the same where a backward pass computes blocks again', async () => {
    const x = randomInput(2, 7, 8);
    const losses = [];
    for (const recompute of [false, true]) {
      const model = sequential({ layers: [new Mamba2Layer({ inputShape: [null, 8], depth: 3, headDim: 4, stateSize: 4, recompute })] });
      model.compile({ optimizer: train.sgd(0.1), loss: 'meanSquaredError' });
      losses.push((await model.fit(x, x, { epochs: 3, shuffle: false, verbose: 0 })).history.loss);
    }
    expect(losses[1]).toEqual(losses[0]);
  });
});

describe('a layer', () => {
  const all = [
    ['MambaLayer', (args: object) => new MambaLayer({ depth: 2, stateSize: 4, ...args })],
    ['Mamba2Layer', (args: object) => new Mamba2Layer({ depth: 2, headDim: 4, stateSize: 4, ...args })],
    ['RetentionLayer', (args: object) => new RetentionLayer({ depth: 2, numHeads: 2, ...args })],
    [
      'DenseRetentionLayer',
      (args: object) => new DenseRetentionLayer({ depth: 2, numHeads: 2, dense: { denseLayers: 1, gateRank: 1 }, ...args }),
    ],
  ] as const;

  it.each(all)('%s reads sequences of any length, and never looks ahead', async (_, make) => {
    const model = sequential({ layers: [make({ inputShape: [null, 8] })] });
    const x = randomInput(2, 11, 8);
    const whole = model.predict(x) as Tensor3D;
    const part = model.predict(slice(x, [0, 0, 0], [2, 5, 8])) as Tensor3D;
    expect(part.shape).toEqual([2, 5, 8]);
    await expectClose('the first five', slice(whole, [0, 0, 0], [2, 5, 8]), part, 1e-5);
  });

  it.each(all)('%s gives the last step, where padding in front and behind changes nothing', async (_, make) => {
    const layer = make({ returnSequences: false });
    const inputs = input({ shape: [null, 8] });
    const masked = layers.masking({ maskValue: -9 }).apply(inputs) as SymbolicTensor;
    const model = functional({ inputs, outputs: layer.apply(masked) as SymbolicTensor });
    const x = randomInput(1, 6, 8);
    const pad = (count: number): Tensor => tidy(() => tensor(Array(count * 8).fill(-9), [1, count, 8]));
    const { concat } = await import('@tensorflow/tfjs-core');
    const alone = model.predict(x) as Tensor;
    const padded = model.predict(concat([concat([pad(3), x, pad(2)], 1), concat([x, pad(5)], 1)], 0)) as Tensor;
    expect(padded.shape).toEqual([2, 8]);
    await expectClose('the last step', concat([alone, alone], 0), padded, 1e-5);
  });

  it('starts from its seed, and so does each of several', async () => {
    const x = randomInput(1, 4, 8);
    const of = async (seed: number): Promise<string> => {
      const y = new MambaLayer({ seed, stateSize: 4 }).apply(x) as Tensor;
      return [...(await y.data())].join();
    };
    expect(await of(3)).toBe(await of(3));
    expect(await of(3)).not.toBe(await of(4));
    const model = twice();
    expect(new Set(model.weights.map(({ originalName }) => originalName)).size).toBe(model.weights.length);
  });

  it('says what is wrong with its arguments, its input and its weights', () => {
    expect(() => new MambaLayer({ statesize: 4 } as never)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: MambaLayer has no option \`statesize\`.
        expected  one of depth, dense, returnSequences, seed, recompute, config, stateSize, expand, convKernel, timeStepRank, or an option of every layer
        got       statesize
        fix       remove it or correct its spelling; other keys of the model belong into \`config\`]
    `);
    const of =
      (args: object, shape = [null, null, 8]) =>
      () =>
        new MambaLayer({ name: 'layer', ...args }).build(shape);
    expect(of({ config: { timestepMax: 3 } })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: MambaLayer: the model knows no \`timestep_max\`.
        expected  a key of its config.json
        got       timestep_max
        fix       remove it or correct its spelling]
    `);
    expect(of({ dense: { denseLayers: 1, gates: 'mlp' } })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: MambaLayer: the dense choices have no \`gates\`.
        expected  one of denseLayers, projection, gate, gateRank, gatePerSource, fusion, scope
        got       gates
        fix       remove the choice or correct its spelling]
    `);
    expect(of({}, [null, 8])).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: layer: the input cannot be read.
        expected  [batch, time, hiddenSize] with a known hiddenSize
        got       [any, 8]
        fix       put an embedding or a dense layer in front, or give inputShape: [null, hiddenSize]]
    `);
    expect(of({ stateSize: 0 })).toThrow(expect.objectContaining({ name: 'SsmError', code: 'CONFIG' }));
    expect(() => new RetentionLayer({ numHeads: 3 }).build([null, null, 8])).toThrow(expect.objectContaining({ code: 'CONFIG' }));
    expect(() => new MambaLayer().params()).toThrow(/not built yet/);
    const layer = new MambaLayer({ name: 'layer', stateSize: 4 });
    layer.build([null, null, 8]);
    const params = layer.params();
    const [{ mixer }] = params as [(typeof params)[number]];
    expect(() => layer.setParams([{ ...params[0], mixer: { ...mixer, D: mixer.aLog } }] as never)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: layer.setParams: \`backbone.layers.0.mixer.D\` does not fit.
        expected  [16]
        got       [16, 4]
        fix       make the layer with the sizes of the model, as \`from\` does]
    `);
    disposeTree(params);
  });
});

const twice = (): LayersModel => {
  const inputs = input({ shape: [null, 8] });
  return functional({
    inputs,
    outputs: new MambaLayer({ stateSize: 4 }).apply(new MambaLayer({ stateSize: 4 }).apply(inputs)) as SymbolicTensor,
  });
};

describe('Embedding', () => {
  it('trains on wasm, with a head and integer targets', async () => {
    const model = sequential({
      layers: [
        new Embedding({ inputDim: 6, outputDim: 8, maskZero: true }),
        new MambaLayer({ stateSize: 4 }),
        new RmsNorm(),
        layers.dense({ units: 6, activation: 'softmax', kernelInitializer: initializers.glorotUniform({ seed: 4 }) }),
      ],
    });
    model.compile({ optimizer: train.adam(0.02), loss: 'sparseCategoricalCrossentropy' });
    const x = tensor2d([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2], [2, 6], 'int32');
    const y = tensor([2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3], [2, 6, 1]);
    const { history } = await model.fit(x, y, { epochs: 60, shuffle: false, verbose: 0 });
    expect((history.loss as number[]).at(-1)).toBeLessThan(0.1);
    const loaded = await throughDisk(model);
    expect([...(await (loaded.predict(x) as Tensor).data())]).toEqual([...(await (model.predict(x) as Tensor).data())]);
  });

  it('refuses ids outside, and sizes that are none', () => {
    const layer = new Embedding({ inputDim: 3, outputDim: 2, name: 'embedding' });
    expect(() => layer.apply(tensor2d([[3]], [1, 1], 'int32'))).toThrow(expect.objectContaining({ code: 'TOKENS' }));
    expect(() => new Embedding({ inputDim: 3 } as never)).toThrow(expect.objectContaining({ code: 'OPTION' }));
  });
});
