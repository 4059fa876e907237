import { disposeTree, tensorsOf } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { mamba, mamba2 } from './index';

const sizes = { vocab_size: 64, hidden_size: 32, num_hidden_layers: 9 };

/** Mean, standard deviation and largest magnitude of a parameter, by the end of its path. */
async function statistics(
  params: unknown,
): Promise<(path: string) => Promise<{ mean: number; std: number; max: number; values: number[] }>> {
  const tensors = new Map([...tensorsOf(params)].map(([path, tensor]) => [path.join('.').replace('layers.', ''), tensor]));
  return async (path) => {
    const values = [...((await tensors.get(path)?.data()) ?? [])];
    expect(values.length, path).toBeGreaterThan(0);
    const mean = values.reduce((total, one) => total + one, 0) / values.length;
    const std = Math.sqrt(values.reduce((total, one) => total + (one - mean) ** 2, 0) / values.length);
    return { mean, std, max: Math.max(...values.map(Math.abs)), values };
  };
}
const softplus = (x: number) => Math.log1p(Math.exp(x));

describe('starting values', () => {
  beforeAll(() => setBackend('cpu'));

  it('are those of transformers in its layout', async () => {
    const json = { ...sizes, model_type: 'mamba', time_step_rank: 4, use_bias: true, tie_word_embeddings: false };
    const params = mamba.init(mamba.parseConfig(json), 1);
    const of = await statistics(params);
    // a normal start overwrites PyTorch's own, save for the ways into Δ and out of the mixer
    for (const path of ['embeddings', '0.mixer.inProj.weight', '0.mixer.xProj', 'lmHead']) expect((await of(path)).std).toBeCloseTo(0.1, 2);
    expect((await of('0.mixer.outProj.weight')).max).toBeCloseTo(1 / 8, 2); // 1 / √E
    expect((await of('0.mixer.conv1d.weight')).max).toBeCloseTo(1 / 2, 1); // 1 / √W
    expect((await of('0.mixer.dtProj.weight')).max).toBeCloseTo(1 / 2, 1); // 1 / √rank
    for (const path of ['0.mixer.conv1d.bias', '0.mixer.inProj.bias', '0.mixer.outProj.bias']) expect((await of(path)).max).toBe(0);
    const steps = (await of('0.mixer.dtProj.bias')).values.map(softplus);
    expect(Math.min(...steps)).toBeGreaterThan(0.000999);
    expect(Math.max(...steps)).toBeLessThan(0.1001);
    expect(Math.exp(steps.reduce((total, one) => total + Math.log(one), 0) / steps.length)).toBeCloseTo(0.01, 2); // log-uniform
    expect((await of('0.mixer.aLog')).values.slice(16, 32)).toEqual(Array.from({ length: 16 }, (_, n) => Math.fround(Math.log(n + 1))));
    expect((await of('0.mixer.D')).values.every((one) => one === 1)).toBe(true);
    disposeTree(params);
  });

  it('are those of mamba_ssm in its layout', async () => {
    const params = mamba.init(
      mamba.parseConfig({ d_model: 32, n_layer: 9, vocab_size: 64, ssm_cfg: { dt_rank: 4, dt_init: 'constant', dt_scale: 3 } }),
      1,
    );
    const of = await statistics(params);
    expect((await of('embeddings')).std).toBeCloseTo(0.02, 2);
    expect((await of('0.mixer.inProj.weight')).max).toBeCloseTo(1 / Math.sqrt(32), 2);
    expect((await of('0.mixer.outProj.weight')).max).toBeCloseTo(1 / 8 / 3, 2); // 1 / √(E · layers)
    expect((await of('0.mixer.conv1d.bias')).max).toBeCloseTo(1 / 2, 1);
    expect(new Set((await of('0.mixer.dtProj.weight')).values)).toEqual(new Set([1.5]));
    disposeTree(params);
  });

  it('differ in the A of Mamba-2', async () => {
    const ours = mamba2.init(
      mamba2.parseConfig({ ...sizes, model_type: 'mamba2', num_heads: 16, head_dim: 4, n_groups: 1, state_size: 4 }),
      1,
    );
    const ssm_cfg = { layer: 'Mamba2', headdim: 4, d_state: 4, A_init_range: [2, 5] };
    const original = mamba2.init(mamba2.parseConfig({ d_model: 32, n_layer: 2, vocab_size: 64, ssm_cfg }), 1);
    const A = (await (await statistics(ours))('0.mixer.aLog')).values.map(Math.exp);
    expect(A.map(Math.round)).toEqual(Array.from({ length: 16 }, (_, h) => h + 1));
    const spread = (await (await statistics(original))('0.mixer.aLog')).values.map(Math.exp);
    expect([Math.min(...spread) >= 2, Math.max(...spread) <= 5, new Set(spread).size]).toEqual([true, true, 16]);
    disposeTree([ours, original]);
  });
});
