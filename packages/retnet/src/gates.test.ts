import { type DenseConfig, type DenseInputs, type DenseParams, gateValues } from '@densessm/dense-connect';
import { disposeTree, mapTree } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { sampleTensor } from '@densessm/testing';
import { dispose, keep, memory, setBackend, type Tensor3D } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { denseRetNet, retnet } from './index';

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

const tokens = [[3, 1, 4, 1, 5]];
const plain = {
  vocab_size: 7,
  decoder_embed_dim: 8,
  decoder_value_embed_dim: 8,
  decoder_retention_heads: 2,
  decoder_ffn_embed_dim: 6,
  decoder_layers: 3,
};
const official = {
  vocab_size: 7,
  hidden_size: 8,
  dense_gate_rank: 1,
  query_key_dim: 4,
  v_factor: 1,
  num_attention_heads: 2,
  num_hidden_layers: 3,
};

describe('gates', () => {
  it.each([
    ['RetNet', retnet, { ...plain, dense_block_layers: 2 }, 4],
    ['RetNet with norms behind', retnet, { ...plain, dense_block_layers: 1, decoder_normalize_before: false }, 4],
    ['RetNet with a gate per source', retnet, { ...plain, dense_block_layers: 2, dense_gate_per_source: true, dense_gate: 'linear' }, 4],
    ['RetNet without gates', retnet, { ...plain, dense_block_layers: 1, dense_gate: 'none' }, 0],
    ['DenseRetNet, whose layer 0 has gates that it never uses,', denseRetNet, { ...official, dense_block_layers: 1 }, 4],
    ['DenseRetNet without dense layers', denseRetNet, { ...official, dense_block_layers: 0 }, 0],
  ] as const)(
    'are what k and v of %s pass',
    async (_, { parseConfig, init, gates: gatesOf }: typeof retnet | typeof denseRetNet, json, count) => {
      const config = parseConfig(json) as never;
      const fresh = init(config, 1) as never;
      const random = mulberry32(7);
      const params = mapTree(fresh, ({ shape }) => sampleTensor({ shape }, random));
      const gates = gatesOf(params, config, tokens) ?? [];
      expect(gates.map(({ layer, name }) => `${layer} ${name}`)).toEqual(['1 k', '1 v', '2 k', '2 v'].slice(0, count));
      for (const [i, { values }] of gates.entries()) {
        const { params: own, config: dense, x, sources } = made[i] as (typeof made)[number];
        const passed = gateValues(own, dense, x, sources) as Tensor3D;
        expect(values.shape).toEqual(passed.shape);
        expect(await values.data()).toEqual(await passed.data());
      }
      disposeTree([fresh, params]);
    },
  );

  it('are closed in a fresh model, and leave nothing behind', async () => {
    const config = retnet.parseConfig({ ...plain, dense_block_layers: 2 });
    const params = retnet.init(config, 1);
    const before = memory().numTensors;
    const gates = retnet.gates(params, config, tokens);
    dispose(made.map(({ x }) => x));
    expect(memory().numTensors).toBe(before + gates.length);
    for (const { values } of gates) expect((await values.data()).every((value) => value === 0)).toBe(true);
  });
});
