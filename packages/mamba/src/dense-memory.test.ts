import { type AnyModel, disposeTree } from '@densessm/ssm-core';
import { type Kept, keptForBackward, someTokens } from '@densessm/testing';
import { mean, type Scalar, setBackend, square } from '@tensorflow/tfjs-core';
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

function kept(model: AnyModel, json: object): Kept {
  const config = model.parseConfig(json);
  const params: object = model.init(config, 3);
  const tokens = someTokens(batch, length, 16);
  const result = keptForBackward((some: object) => mean(square(model.forward(some, config, tokens))) as Scalar, params);
  disposeTree([params, tokens]);
  return result;
}

const choices = ['state', 'input'].flatMap((dense_fusion) =>
  ['add', 'concat', 'attention'].map((dense_fusion_method) => ({ dense_fusion, dense_fusion_method })),
);

describe.each(families)('%s keeps between forward and backward', (_, model, json) => {
  beforeAll(() => setBackend('wasm'));
  const keptBy = (m: number, some: object) => kept(model, { ...json, ...some, state_size: wide, dense_block_layers: m });

  it.each(choices)('far less than a state of every token, for any m: $dense_fusion, $dense_fusion_method', (some) => {
    const plain = keptBy(0, some);
    expect(plain.buffers).toBeGreaterThan(50); // the probe sees the tape
    for (const [m, connections] of [
      [1, 3],
      [3, 6],
    ] as const) {
      const dense = keptBy(m, some);
      // what remains is the gates and what is read, of sizes B·T·E and B·T·N, and one last state B·E·N per source
      expect((dense.bytes - plain.bytes) / connections).toBeLessThan(everyState / 2);
      expect(dense.largest).toBeLessThan(everyState);
    }
  });

  it('one read-out and one last state more for each further source in the state', () => {
    const [one, three] = [keptBy(1, {}), keptBy(3, {})];
    const connections = 6 - 3;
    const perSource = 4 * (2 * batch * length * innerSize + batch * innerSize * wide);
    expect(three.bytes - one.bytes).toBeLessThanOrEqual(connections * perSource);
  });
});
