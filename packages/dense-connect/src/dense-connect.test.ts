import { buildParams, disposeGrads, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { expectClose, sampleTensor } from '@densessm/testing';
import {
  concat,
  engine,
  onesLike,
  type Scalar,
  scalar,
  setBackend,
  sum,
  type Tensor,
  type Tensor3D,
  tidy,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { completeDenseConfig, type DenseConfig, type DenseInputs, type DenseParams, denseConnect, denseSpec, gateValues } from './index';

// All different, so that no two axes can be taken for one another.
const [B, T, D, W, R] = [2, 3, 5, 4, 6];

type Choices = Pick<DenseConfig, 'projection' | 'gate' | 'gatePerSource' | 'fusion'>;
type Matrix = number[][];
type Weights = { [part in keyof DenseParams]?: Matrix };
/** Every input of one token; lists oldest first. */
interface Token {
  own: number[];
  sources: Matrix;
  x: number[];
  sourceInputs: Matrix;
  unit: number;
}

const allChoices: Choices[] = (['none', 'identity', 'linear'] as const).flatMap((projection) =>
  (['none', 'linear', 'mlp'] as const).flatMap((gate) =>
    [false, true].flatMap((gatePerSource) =>
      (['add', 'concat', 'attention'] as const).flatMap((fusion) =>
        gate === 'none' && (projection === 'none' || gatePerSource) ? [] : [{ projection, gate, gatePerSource, fusion }],
      ),
    ),
  ),
);

// The equations of arXiv:2403.00818, section 3.2, once more, in float64, one number at a time.
const sigma = (z: number) => z / (1 + Math.exp(-z));
const dot = (a: number[], b: number[]) => a.reduce((total, value, i) => total + value * (b[i] as number), 0);
const times = (w: Matrix = [], v: number[]) => w.map((row) => dot(row, v));

function phiOf(w: Weights, c: Choices, token: Token, distance: number): number[] {
  const h = token.sources[token.sources.length - distance] as number[];
  const projected = c.projection === 'linear' ? times(w.proj, h) : c.projection === 'identity' ? h : h.map(() => token.unit);
  if (c.gate === 'none') return projected;
  const before = c.gate === 'linear' ? times(w.fc, token.x) : times(w.fc2, times(w.fc1, token.x).map(sigma));
  const first = c.gatePerSource ? (distance - 1) * W : 0;
  return projected.map((value, d) => value * sigma(before[first + d] as number));
}

function byHand(w: Weights, c: Choices, token: Token): number[] {
  const distances = token.sources.map((_, i) => i + 1);
  const phi = distances.map((distance) => phiOf(w, c, token, distance));
  if (c.fusion === 'concat') return (w.concat ?? []).map((row) => dot([token.own, ...phi].flat(), row));
  const score = (distance: number) =>
    Math.exp(dot(times(w.query, token.x), times(w.key, token.sourceInputs[token.sources.length - distance] as number[])) / Math.sqrt(R));
  const whole = distances.reduce((total, distance) => total + score(distance), 0);
  const alpha = (distance: number) => (c.fusion === 'attention' ? score(distance) / whole : 1);
  return token.own.map((value, d) => phi.reduce((total, one, i) => total + alpha(i + 1) * (one[d] as number), value));
}

const random = mulberry32(20240301);
const sample = (...shape: number[]) => sampleTensor({ shape }, random);

/** Random parameters, no zeros, and random inputs of `count` sources. */
function prepare(choices: Choices, denseLayers: number, count: number, length = T) {
  const config = completeDenseConfig('test', { ...choices, denseLayers, gateRank: R }, D);
  const params = buildParams(denseSpec(config, { hiddenSize: D, width: W, name: 'dense' }), ({ shape }) => sample(...shape));
  const each = (width: number) => Array.from({ length: count }, () => sample(B, length, width) as Tensor3D);
  const unit = sample(B, length, 1) as Tensor3D;
  const inputs = {
    own: sample(B, length, W) as Tensor3D,
    sources: each(W),
    x: sample(B, length, D) as Tensor3D,
    sourceInputs: each(D),
    unit,
  };
  return { config, params, inputs };
}

async function wanted({ config, params, inputs }: ReturnType<typeof prepare>): Promise<number[]> {
  const tables = Object.entries(params).map(async ([part, tensor]) => [part, await tensor?.array()] as const);
  const weights: Weights = Object.fromEntries(await Promise.all(tables));
  const values = async (tensor: Tensor3D) => (await tensor.array()).flat();
  const [own, x, unit] = await Promise.all([inputs.own, inputs.x, inputs.unit].map(values));
  const [sources, sourceInputs] = await Promise.all([inputs.sources, inputs.sourceInputs].map((list) => Promise.all(list.map(values))));
  const at = (list: Matrix[] = [], t: number) => list.map((rows) => rows[t] as number[]);
  return (own ?? []).flatMap((row, t) => {
    const token = { own: row, x: x?.[t] ?? [], sources: at(sources, t), sourceInputs: at(sourceInputs, t), unit: unit?.[t]?.[0] ?? 0 };
    return byHand(weights, config, token);
  });
}

// float32 sums of at most (m + 1) · W products of numbers below 1
const TOLERANCE = 1e-6;

describe.each(['cpu', 'wasm'])('denseConnect on %s', (backend) => {
  beforeEach(() => setBackend(backend));

  it.each(allChoices)(
    'is the equation, projection $projection, gate $gate (per source: $gatePerSource), fusion $fusion',
    async (choices) => {
      for (const m of [1, 2, 3]) {
        for (let count = 1; count <= m; count++) {
          const prepared = prepare(choices, m, count, count === 2 ? 1 : T);
          const got = denseConnect(prepared.params, prepared.config, prepared.inputs);
          await expectClose(`m = ${m}, ${count} sources`, await wanted(prepared), got, TOLERANCE);
        }
      }
    },
  );
});

describe('denseConnect', () => {
  const choices: Choices = { projection: 'linear', gate: 'mlp', gatePerSource: true, fusion: 'add' };
  const run = (prepared: ReturnType<typeof prepare>, inputs: Partial<DenseInputs> = {}) =>
    denseConnect(prepared.params, prepared.config, { ...prepared.inputs, ...inputs });
  beforeEach(() => setBackend('cpu'));

  it('shows its gates', async () => {
    for (const gate of ['linear', 'mlp'] as const) {
      const prepared = prepare({ ...choices, projection: 'identity', gate }, 3, 2);
      const { params, config, inputs } = prepared;
      const nothing = zerosLike(inputs.own);
      const [oldest, nearest] = [0, 1].map((which) =>
        run(prepared, { own: nothing, sources: [0, 1].map((i) => (i === which ? onesLike(nothing) : nothing)) }),
      );
      const values = gateValues(params, config, inputs.x, 2);
      await expectClose(gate, concat([nearest, oldest] as Tensor3D[], -1), values as Tensor3D, TOLERANCE);
    }
    const { params, config, inputs } = prepare(choices, 3, 2);
    expect(gateValues(params, config, inputs.x, 0)).toBeUndefined();
    expect(gateValues(params, { ...config, gate: 'none' }, inputs.x, 2)).toBeUndefined();
  });

  it('gives the own state back, as a tensor of its own, where there is no source', async () => {
    for (const fusion of ['add', 'concat', 'attention'] as const) {
      const prepared = prepare({ ...choices, fusion }, 2, 0);
      const got = run(prepared);
      expect(got.id).not.toBe(prepared.inputs.own.id);
      expect(await got.data()).toEqual(await prepared.inputs.own.data());
    }
  });

  it.each(['add', 'concat'] as const)('takes a missing older source for zero (%s)', async (fusion) => {
    const prepared = prepare({ ...choices, fusion }, 2, 1);
    const [nearest] = prepared.inputs.sources as [Tensor3D];
    await expectClose('fused', run(prepared, { sources: [zerosLike(nearest), nearest] }), run(prepared), TOLERANCE);
  });

  it('takes 1 for the unit unless it is given', async () => {
    const prepared = prepare({ ...choices, projection: 'none' }, 2, 2);
    await expectClose('fused', run(prepared, { unit: scalar(1) }), run(prepared, { unit: undefined }), 0);
  });

  it.each(allChoices)('frees every intermediate: $projection, $gate (per source: $gatePerSource), $fusion', (one) => {
    const prepared = prepare(one, 3, 3);
    const { config, ...variables } = prepared;
    const before = engine().memory().numTensors;
    run(prepared).dispose();
    disposeGrads(valueAndGrads((some): Scalar => tidy(() => sum(denseConnect(some.params, config, some.inputs))), variables));
    expect(engine().memory().numTensors).toBe(before);
  });

  it('refuses what does not fit, by name', () => {
    const prepared = prepare({ ...choices, fusion: 'attention' }, 2, 2);
    const { own, sources, sourceInputs } = prepared.inputs;
    const wide: Tensor3D = sample(B, T, W + 1) as Tensor3D;
    const refuses = (inputs: Partial<DenseInputs>) => expect(() => run(prepared, inputs));
    refuses({ sources: [own, wide] }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: \`sources[1]\` has the wrong shape.
        expected  [B, T, W] with {"B":2,"T":3,"W":4,"D":5}
        got       [2, 3, 5]
        fix       pass the states and inputs of the layers that denseSources(config, layer) names, each [B, T, width]]
    `);
    refuses({ x: sample(B, T + 1, D) as Tensor3D }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: \`x\` has the wrong shape.
        expected  [B, T, D] with {"B":2,"T":3,"W":4}
        got       [2, 4, 5]
        fix       pass the states and inputs of the layers that denseSources(config, layer) names, each [B, T, width]]
    `);
    refuses({ sourceInputs: [own, own] }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: \`sourceInputs[0]\` has the wrong shape.
        expected  [B, T, D] with {"B":2,"T":3,"W":4,"D":5}
        got       [2, 3, 4]
        fix       pass the states and inputs of the layers that denseSources(config, layer) names, each [B, T, width]]
    `);
    refuses({ sourceInputs: undefined }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: \`sourceInputs\` has the wrong length.
        expected  2, one per source
        got       0
        fix       pass the states and inputs of the layers that denseSources(config, layer) names, each [B, T, width]]
    `);
    refuses({ sources: [own, ...sources], sourceInputs }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: \`sources\` has the wrong length.
        expected  at most 2, the dense layers of the config
        got       3
        fix       pass the states and inputs of the layers that denseSources(config, layer) names, each [B, T, width]]
    `);
    refuses({ unit: wide }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: \`unit\` has the wrong shape.
        expected  a shape that broadcasts to [2, 3, 4]
        got       [2, 3, 5]
        fix       pass the states and inputs of the layers that denseSources(config, layer) names, each [B, T, width]]
    `);
  });

  it('refuses the parameters of another config', () => {
    const { config, inputs } = prepare(choices, 2, 2);
    const { params } = prepare({ ...choices, gate: 'linear' }, 2, 2);
    const connect = (some: Record<string, Tensor | undefined>) => () => denseConnect(some as DenseParams, config, inputs);
    expect(connect(params)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: the connection has no \`fc1\`.
        expected  the matrices that denseSpec makes for this config
        got       fc, proj
        fix       make or load the parameters with denseSpec(config, …) of the same config]
    `);
    expect(connect({})).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: denseConnect: the connection has no \`fc1\`.
        expected  the matrices that denseSpec makes for this config
        got       none at all
        fix       make or load the parameters with denseSpec(config, …) of the same config]
    `);
  });
});
