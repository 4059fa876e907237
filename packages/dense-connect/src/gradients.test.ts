import { buildParams, type Params } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { expectGradientsMatchDifferences, sampleTensor } from '@densessm/testing';
import { mul, type Scalar, setBackend, sum, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, it } from 'vitest';
import { completeDenseConfig, type DenseConfig, type DenseInputs, type DenseSpec, denseConnect, denseSpec } from './index';

const [B, T, D, W] = [2, 3, 5, 4];

type Case = Partial<DenseConfig> & { count: number };
const cases: Case[] = [
  { fusion: 'add', projection: 'identity', gate: 'mlp', denseLayers: 2, count: 2 },
  { fusion: 'add', projection: 'identity', gate: 'mlp', gatePerSource: true, denseLayers: 3, count: 2 },
  { fusion: 'add', projection: 'linear', gate: 'linear', gatePerSource: true, denseLayers: 2, count: 2 },
  { fusion: 'add', projection: 'linear', gate: 'none', denseLayers: 2, count: 1 },
  { fusion: 'add', projection: 'identity', gate: 'linear', gatePerSource: true, denseLayers: 2, count: 1 },
  { fusion: 'attention', projection: 'identity', gate: 'mlp', denseLayers: 2, count: 1 },
  { fusion: 'add', projection: 'none', gate: 'linear', denseLayers: 2, count: 2 },
  { fusion: 'concat', projection: 'identity', gate: 'mlp', denseLayers: 3, count: 2 },
  { fusion: 'concat', projection: 'linear', gate: 'linear', gatePerSource: true, denseLayers: 2, count: 2 },
  { fusion: 'concat', projection: 'none', gate: 'mlp', denseLayers: 1, count: 1 },
  { fusion: 'attention', projection: 'identity', gate: 'none', denseLayers: 3, count: 3 },
  { fusion: 'attention', projection: 'linear', gate: 'mlp', denseLayers: 2, count: 2 },
  { fusion: 'attention', projection: 'none', gate: 'linear', gatePerSource: true, denseLayers: 2, count: 2 },
];

describe('the gradients of denseConnect', () => {
  beforeAll(() => setBackend('cpu'));

  it.each(cases)(
    'match differences: $fusion, projection $projection, gate $gate, $count of $denseLayers',
    async ({ count, ...choices }) => {
      const random = mulberry32(7);
      const sample = (...shape: number[]) => sampleTensor({ shape }, random) as Tensor3D;
      const config = completeDenseConfig('test', { ...choices, gateRank: 6 }, D);
      const each = (width: number) => Array.from({ length: count }, () => sample(B, T, width));
      const everything = {
        params: buildParams(denseSpec(config, { hiddenSize: D, width: W, name: 'dense' }), ({ shape }) => sample(...shape)),
        inputs: { own: sample(B, T, W), sources: each(W), x: sample(B, T, D), sourceInputs: each(D), unit: sample(B, T, 1) },
      };
      const direction = sample(B, T, W);
      const loss = ({ params, inputs }: { params: Params<DenseSpec>; inputs: DenseInputs }): Scalar =>
        tidy(() => sum(mul(denseConnect(params, config, inputs), direction)));
      await expectGradientsMatchDifferences(loss, everything, { random });
    },
  );
});
