import { type AnyModel, disposeTree, tensorsOf, valueAndGrads } from '@densessm/ssm-core';
import { someTokens } from '@densessm/testing';
import { customGrad, engine, mean, type Scalar, setBackend, square, type Tensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { denseMamba, denseMamba2 } from './index';

// A wide state, so that one [B, T, E, N] would tower above everything that may be kept.
const [batch, length, innerSize, wide] = [1, 12, 32, 64];
const everyState = 4 * batch * length * innerSize * wide; // bytes
const sizes = { vocab_size: 16, hidden_size: 16, num_hidden_layers: 4, dense_gate_rank: 2 };
const families: [name: string, model: AnyModel, json: Record<string, unknown>][] = [
  ['DenseMamba', denseMamba, { ...sizes, model_type: 'dense_mamba' }],
  ['Dense Mamba-2', denseMamba2, { ...sizes, model_type: 'dense_mamba2', num_heads: 4, head_dim: 8, n_groups: 1 }],
];

interface Kept {
  buffers: number;
  bytes: number;
  largest: number;
}

/** What tfjs's tape holds for backward, params aside, each buffer once however many tensors share it. */
function onTape(params: object): Kept {
  const tape = engine().state.activeTape ?? [];
  const own = new Set([...tensorsOf(params)].map(([, { dataId }]) => dataId));
  const saved = tape.flatMap((node) => (node as { saved?: Tensor[] }).saved ?? []).filter(({ dataId }) => !own.has(dataId));
  const bytes = [...new Map(saved.map(({ dataId, size }) => [dataId, 4 * size])).values()];
  return { buffers: bytes.length, bytes: bytes.reduce((total, one) => total + one, 0), largest: Math.max(...bytes) };
}

function keptForBackward(model: AnyModel, json: object): Kept {
  const config = model.parseConfig(json);
  const params = model.init(config, 3);
  const tokens = someTokens(batch, length, 16);
  let kept: Kept = { buffers: 0, bytes: 0, largest: 0 };
  // the last operation of forward is the first whose gradient runs
  const probe = customGrad((x) => ({
    value: (x as Tensor).clone(),
    gradFunc: (dy: Tensor) => {
      kept = onTape(params);
      return dy.clone();
    },
  }));
  disposeTree(valueAndGrads((some: typeof params) => probe(mean(square(model.forward(some, config, tokens)))) as Scalar, params));
  disposeTree([params, tokens]);
  return kept;
}

const choices = ['state', 'input'].flatMap((dense_fusion) =>
  ['add', 'concat', 'attention'].map((dense_fusion_method) => ({ dense_fusion, dense_fusion_method })),
);

describe.each(families)('%s keeps between forward and backward', (_, model, json) => {
  beforeAll(() => setBackend('wasm'));
  const kept = (m: number, some: object) => keptForBackward(model, { ...json, ...some, state_size: wide, dense_block_layers: m });

  it.each(choices)('far less than a state of every token, for any m: $dense_fusion, $dense_fusion_method', (some) => {
    const plain = kept(0, some);
    expect(plain.buffers).toBeGreaterThan(50); // the probe sees the tape
    for (const [m, connections] of [
      [1, 3],
      [3, 6],
    ] as const) {
      const dense = kept(m, some);
      // what remains is the gates and what is read, of sizes B·T·E and B·T·N, and one last state B·E·N per source
      expect((dense.bytes - plain.bytes) / connections).toBeLessThan(everyState / 2);
      expect(dense.largest).toBeLessThan(everyState);
    }
  });

  it('one read-out and one last state more for each further source in the state', () => {
    const [one, three] = [kept(1, {}), kept(3, {})];
    const connections = 6 - 3;
    const perSource = 4 * (2 * batch * length * innerSize + batch * innerSize * wide);
    expect(three.bytes - one.bytes).toBeLessThanOrEqual(connections * perSource);
  });
});
