import { type DenseConfig, type DenseInputs, type DenseParams, gateValues } from '@densessm/dense-connect';
import { disposeTree, mapTree, tensorsOf } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { sampleTensor } from '@densessm/testing';
import { dispose, keep, memory, setBackend, type Tensor3D } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { denseMamba, denseMamba2, mamba } from './index';

/** Every connection that a model made, with the input that its gate read. */
const made: { params: DenseParams; config: DenseConfig; x: Tensor3D; sources: number }[] = [];
vi.mock(import('@densessm/dense-connect'), async (importOriginal) => {
  const original = await importOriginal();
  const denseConnect = (params: DenseParams, config: DenseConfig, inputs: DenseInputs) => {
    made.push({ params, config, x: keep(inputs.x), sources: inputs.sources.length });
    return original.denseConnect(params, config, inputs);
  };
  return { ...original, denseConnect };
});

beforeEach(async () => {
  made.length = 0;
  await setBackend('cpu');
});

const tokens = [
  [3, 1, 4, 1, 5],
  [9, 2, 6, 5, 3],
];
const plain = { vocab_size: 11, hidden_size: 12, state_size: 3, num_hidden_layers: 4 };
const one = { ...plain, model_type: 'dense_mamba', dense_block_layers: 2 };
const two = { ...plain, model_type: 'dense_mamba2', dense_block_layers: 2, head_dim: 6, num_heads: 4, n_groups: 1 };

describe('gates', () => {
  it.each([
    ['DenseMamba', denseMamba, one, ['1 state', '2 state', '3 state']],
    [
      'DenseMamba that fuses the input',
      denseMamba,
      { ...one, dense_fusion: 'input', dense_gate: 'linear' },
      ['1 B', '1 u', '2 B', '2 u', '3 B', '3 u'],
    ],
    ['DenseMamba in blocks', denseMamba, { ...one, dense_scope: 'block' }, ['2 state']],
    ['DenseMamba-2 with a gate per source', denseMamba2, { ...two, dense_gate_per_source: true }, ['1 state', '2 state', '3 state']],
  ] as const)(
    'are what the states of %s pass',
    async (_, { parseConfig, init, gates: gatesOf }: typeof denseMamba | typeof denseMamba2, json, names) => {
      const config = parseConfig(json) as never;
      const fresh = init(config, 1) as never;
      const random = mulberry32(7);
      const params = mapTree(fresh, ({ shape }) => sampleTensor({ shape }, random));
      const gates = gatesOf?.(params, config, tokens) ?? [];
      expect(gates.map(({ layer, name }) => `${layer} ${name}`)).toEqual(names);
      expect(made.length).toBe(gates.length);
      for (const [i, { values }] of gates.entries()) {
        const { params: own, config: dense, x, sources } = made[i] as (typeof made)[number];
        const passed = gateValues(own, dense, x, sources) as Tensor3D;
        expect(values.shape).toEqual(passed.shape);
        expect(await values.data()).toEqual(await passed.data());
      }
      disposeTree([fresh, params]);
    },
  );

  it('are closed in a fresh model, absent in a plain one, and leave nothing behind', async () => {
    const config = denseMamba.parseConfig(one);
    const params = denseMamba.init(config, 1);
    const before = memory().numTensors;
    const gates = mamba.gates?.(params, config, tokens) ?? [];
    dispose(made.map(({ x }) => x));
    expect(memory().numTensors).toBe(before + gates.length);
    for (const { values } of gates) expect((await values.data()).every((value) => value === 0)).toBe(true);
    const without = mamba.parseConfig(plain);
    expect(mamba.gates?.(mamba.init(without, 1), without, tokens)).toEqual([]);
    expect([...tensorsOf(gates)].length).toBe(3);
  });
});
