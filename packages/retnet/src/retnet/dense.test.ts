import type { DenseConfig } from '@densessm/dense-connect';
import { buildParams, disposeTree, mapTree, namedParams, type SequenceModel, tidyTree } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import { advanceInPieces, expectClose, expectGradientsMatchDifferences, sampleTensor, someTokens } from '@densessm/testing';
import { add, memory, mul, type Scalar, setBackend, sum, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { denseRetNet, type RetentionState, type RetNetParams, retnet, upcycleRetNet } from '../index';
import { parseRetNetConfig } from './config';

const plain = {
  vocab_size: 7,
  decoder_embed_dim: 8,
  decoder_value_embed_dim: 8,
  decoder_retention_heads: 2,
  decoder_ffn_embed_dim: 6,
  decoder_layers: 3,
  activation_fn: 'swish',
  layernorm_eps: 0.1, // smooth enough for differences in float32
};
const official = {
  vocab_size: 7,
  hidden_size: 8,
  dense_gate_rank: 1,
  query_key_dim: 4,
  v_factor: 1,
  num_attention_heads: 2,
  num_hidden_layers: 3,
  initializer_range: 0.4,
  rms_norm_eps: 0.1,
};

/** Every value of every choice, in combinations that differ in each. */
const choices: Record<string, unknown>[] = [
  { dense_block_layers: 1 },
  { dense_block_layers: 2, dense_gate: 'linear', dense_gate_per_source: true },
  { dense_block_layers: 2, dense_projection: 'linear', dense_gate: 'none' },
  { dense_block_layers: 3, dense_projection: 'none', dense_gate_rank: 2, dense_gate_per_source: true },
  { dense_block_layers: 2, dense_fusion_method: 'concat' },
  { dense_block_layers: 2, dense_fusion_method: 'attention', dense_projection: 'linear', dense_gate_rank: 3 },
  { dense_block_layers: 1, dense_scope: 'block', dense_gate: 'linear' },
];
const models = [
  ['retnet', retnet, plain],
  ['dense_retnet', denseRetNet, official],
] as unknown as [string, SequenceModel<object, object, RetentionState>, object][];

/** With noise, so that connections that start at zero take part. */
function shaken<P>(params: P): P {
  const random = mulberry32(23);
  return tidyTree(() => mapTree(params, (one: Tensor) => add(one, mul(sampleTensor({ shape: one.shape }, random), 0.3))));
}

describe.each(models)('dense connections of %s', (_, model, json) => {
  it.each(choices)('run in every form with true gradients: %o', async (choice) => {
    await setBackend('cpu');
    const config = model.parseConfig({ ...json, ...choice });
    const params = shaken(model.init(config, 1));
    const tokens = someTokens(1, 5, 7);
    const whole = model.forward(params, config, tokens);
    const [cut] = tidyTree(() => advanceInPieces(model, params, config, tokens, [1, 3, 1]));
    await expectClose('logits in pieces', whole, cut, 1e-5);
    // connections, and k and v of every layer as read by itself and those above; the rest is compared with the references
    const spec = model.spec(config);
    const all = new Map([...namedParams(spec, params)].map(([leaf, tensor]) => [leaf.name, tensor]));
    const some = Object.fromEntries([...all].filter(([name]) => /dense_|select|k_proj|v_proj|to_hidden/.test(name)));
    const weights = sampleTensor({ shape: whole.shape }, mulberry32(2));
    const loss = (current: Record<string, Tensor>): Scalar =>
      tidy(() => {
        const joined = buildParams(spec, ({ name }) => (current[name] ?? all.get(name)) as Tensor) as object;
        return sum(mul(model.forward(joined, config, tokens), weights));
      });
    await expectGradientsMatchDifferences(loss, some, { random: mulberry32(4) });
  });
});

describe('upcycleRetNet', () => {
  const start = async () => {
    await setBackend('wasm');
    const config = parseRetNetConfig(plain);
    return { config, params: retnet.init(config, 1), tokens: someTokens(2, 9, 7) };
  };

  it.each<Partial<DenseConfig>>([
    { denseLayers: 1 },
    { denseLayers: 2, gate: 'linear', gatePerSource: true },
    { denseLayers: 2, gate: 'none', projection: 'linear' },
    { denseLayers: 2, fusion: 'attention' },
    { denseLayers: 3, scope: 'block' },
  ])('keeps every logit to the last bit: %o', async (dense) => {
    const { config, params, tokens } = await start();
    const upcycled = upcycleRetNet(params, config, dense, 2);
    expect([...(await retnet.forward(upcycled.params, upcycled.config, tokens).data())]).toEqual([
      ...(await retnet.forward(params, config, tokens).data()),
    ]);
  });

  it('keeps the logits with fusion by concatenation, whose own part is a product with the identity', async () => {
    const { config, params, tokens } = await start();
    const upcycled = upcycleRetNet(params, config, { denseLayers: 2, fusion: 'concat' }, 2);
    await expectClose('logits', retnet.forward(params, config, tokens), retnet.forward(upcycled.params, upcycled.config, tokens), 1e-6);
  });

  it('makes tensors of its own', async () => {
    const { config, params, tokens } = await start();
    const before = memory().numTensors;
    const upcycled = upcycleRetNet(params, config, { denseLayers: 1 }, 2);
    disposeTree(params as RetNetParams);
    expect(() => retnet.forward(upcycled.params, upcycled.config, tokens)).not.toThrow();
    disposeTree(upcycled.params);
    expect(memory().numTensors).toBeLessThan(before);
  });

  it('refuses what would change the logits', async () => {
    const { config, params } = await start();
    expect(() => upcycleRetNet(params, config, { denseLayers: 1, gate: 'none' }, 2)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: upcycleRetNet: these connections would change the logits.
        expected  a gate, a linear projection or fusion by concatenation, which start at zero
        got       gate "none", projection "identity", fusion "add"
        fix       choose gate "mlp" or "linear", or train the dense model from the start]
    `);
  });

  it('refuses a model that is dense already', async () => {
    const { config, params } = await start();
    const upcycled = upcycleRetNet(params, config, { denseLayers: 1 }, 2);
    expect(() => upcycleRetNet(upcycled.params, upcycled.config, { denseLayers: 2 }, 2)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: upcycleRetNet: the model has dense connections already.
        expected  a plain RetNet
        got       denseLayers 1
        fix       train it as it is]
    `);
  });
});
