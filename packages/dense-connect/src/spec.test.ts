import { disposeGrads, initParams, leavesOf, normal, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { sampleTensor } from '@densessm/testing';
import { mul, type Scalar, setBackend, sum, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { completeDenseConfig, type DenseConfig, denseConnect, denseSpec } from './index';
import { startsNeutral } from './spec';

const [B, T, D, W] = [2, 3, 5, 4];
const sizes = { hiddenSize: D, width: W, name: 'layer.dense' };
const complete = (choices: Partial<DenseConfig>) => completeDenseConfig('test', { denseLayers: 2, gateRank: 6, ...choices }, D);
const shapes = (choices: Partial<DenseConfig>) =>
  Object.fromEntries([...leavesOf(denseSpec(complete(choices), sizes))].map((leaf) => [leaf.name, leaf.shape]));

const allConfigs = (['none', 'identity', 'linear'] as const).flatMap((projection) =>
  (['none', 'linear', 'mlp'] as const).flatMap((gate) =>
    (['add', 'concat', 'attention'] as const).flatMap((fusion) =>
      [false, true].flatMap((gatePerSource) =>
        gate === 'none' && (projection === 'none' || gatePerSource) ? [] : [complete({ projection, gate, gatePerSource, fusion })],
      ),
    ),
  ),
);

function freshConnection(config: DenseConfig) {
  const random = mulberry32(11);
  const sample = (width: number) => sampleTensor({ shape: [B, T, width] }, random) as Tensor3D;
  const inputs = { own: sample(W), sources: [sample(W), sample(W)], x: sample(D), sourceInputs: [sample(D), sample(D)] };
  return { params: initParams(denseSpec(config, sizes), 1), inputs, direction: sample(W) };
}

describe('denseSpec', () => {
  beforeAll(() => setBackend('cpu'));

  it('names what a config uses, and no more', () => {
    expect(shapes({})).toEqual({ 'layer.dense.fc1.weight': [6, 5], 'layer.dense.fc2.weight': [4, 6] });
    expect(shapes({ gatePerSource: true })).toEqual({ 'layer.dense.fc1.weight': [6, 5], 'layer.dense.fc2.weight': [8, 6] });
    expect(shapes({ gate: 'linear' })).toEqual({ 'layer.dense.fc.weight': [4, 5] });
    expect(shapes({ gate: 'linear', gatePerSource: true })).toEqual({ 'layer.dense.fc.weight': [8, 5] });
    expect(shapes({ gate: 'none', projection: 'linear' })).toEqual({ 'layer.dense.proj.weight': [4, 4] });
    expect(shapes({ gate: 'none', fusion: 'concat' })).toEqual({ 'layer.dense.concat.weight': [4, 12] });
    expect(shapes({ gate: 'none', fusion: 'attention' })).toEqual({ 'layer.dense.query.weight': [6, 5], 'layer.dense.key.weight': [6, 5] });
    expect(shapes({ denseLayers: 0, projection: 'linear', fusion: 'concat' })).toEqual({});
  });

  it('starts the gate as it is told', async () => {
    const { fc1, fc2 } = initParams(denseSpec(complete({}), { ...sizes, gateInit: normal(0.02) }), 1);
    for (const matrix of [fc1, fc2]) expect((await matrix?.data())?.every((value) => value !== 0)).toBe(true);
  });

  it.each(allConfigs)('starts neutral where it says so: $projection, $gate (per source: $gatePerSource), $fusion', async (config) => {
    for (const backend of ['wasm', 'cpu']) {
      await setBackend(backend);
      const { params, inputs } = freshConnection(config);
      const fused = await denseConnect(params, config, inputs).data();
      const own = await inputs.own.data();
      if (startsNeutral(config)) expect(fused).toEqual(own);
      else expect(fused).not.toEqual(own);
    }
  });

  it('is neutral without dense layers, and not where states are added as they are', () => {
    expect(startsNeutral(complete({ denseLayers: 0, gate: 'none' }))).toBe(true);
    expect(allConfigs.filter((config) => !startsNeutral(config)).map(({ fusion }) => fusion)).toEqual(['add', 'attention']);
  });

  it.each(allConfigs.filter(startsNeutral))(
    'can learn to leave the neutral start: $projection, $gate (per source: $gatePerSource), $fusion',
    async (config) => {
      const { params, inputs, direction } = freshConnection(config);
      const loss = (some: typeof params): Scalar => tidy(() => sum(mul(denseConnect(some, config, inputs), direction)));
      const result = valueAndGrads(loss, params);
      const opens = config.fusion === 'concat' ? 'concat' : config.gate === 'mlp' ? 'fc2' : config.gate === 'linear' ? 'fc' : 'proj';
      const gradient = (await result.grads[opens]?.data()) ?? [];
      // the columns of the own state learn in any case: only those of the sources count
      const counts = Array.from(gradient).filter((_, i) => opens !== 'concat' || i % (3 * W) >= W);
      expect(Math.max(...counts.map(Math.abs))).toBeGreaterThan(1e-2);
      disposeGrads(result);
    },
  );
});
