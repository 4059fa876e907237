import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { type AnyModel, disposeTree, mapTree, namedParams, type SpecTree, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { expectClose, someTokens } from '@densessm/testing';
import {
  add,
  mean,
  mul,
  randomNormal,
  type Scalar,
  setBackend,
  square,
  type Tensor,
  type Tensor3D,
  type Variable,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { input, type LayerVariable, model as layersModel } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Embedding } from './embedding';
import { MambaLayer } from './mamba-layer';
import { Mamba2Layer } from './mamba2-layer';
import { DenseRetentionLayer, RetentionLayer } from './retention-layer';
import { RmsNorm } from './rms-norm';
import type { OfModel } from './sequence-layer';

const [vocab_size, hidden_size, num_hidden_layers] = [11, 8, 3];
const sizes = { vocab_size, hidden_size, num_hidden_layers };
const small = { ...sizes, state_size: 4, time_step_limit: [0.001, 0.3] };
const ofMamba2 = { ...small, head_dim: 4, num_heads: 4, n_groups: 2, norm_per_group: true };
const dense = { dense_block_layers: 2 };
const torchscale = {
  vocab_size,
  decoder_embed_dim: hidden_size,
  decoder_layers: 3,
  decoder_retention_heads: 2,
  decoder_value_embed_dim: 12,
};
const released = { ...sizes, num_attention_heads: 2, query_key_dim: 4, v_factor: 1.5, ...dense, dense_gate_rank: 2 };
const original = { vocab_size, d_model: hidden_size, n_layer: 3, ssm_cfg: { layer: 'Mamba2', d_state: 4, headdim: 4, ngroups: 2 } };

type Case = readonly [name: string, model: AnyModel, json: object, from: (of: OfModel<never, never>) => Layer];
type Layer = MambaLayer | Mamba2Layer | RetentionLayer | DenseRetentionLayer;
const mambaFrom = (of: OfModel<never, never>): Layer => MambaLayer.from(of);
const mamba2From = (of: OfModel<never, never>): Layer => Mamba2Layer.from(of);
const retentionFrom = (of: OfModel<never, never>): Layer => RetentionLayer.from(of);
const CASES: readonly Case[] = [
  ['MambaLayer', mamba, { ...small, time_step_limit: undefined, use_bias: true }, mambaFrom],
  ['MambaLayer, dense', denseMamba, { model_type: 'dense_mamba', ...sizes, state_size: 4, ...dense, dense_fusion: 'input' }, mambaFrom],
  ['Mamba2Layer', mamba2, ofMamba2, mamba2From],
  ['Mamba2Layer of the original', mamba2, original, mamba2From],
  ['Mamba2Layer, dense', denseMamba2, { model_type: 'dense_mamba2', ...ofMamba2, ...dense, dense_gate: 'linear' }, mamba2From],
  ['RetentionLayer', retnet, { ...torchscale, activation_fn: 'swish' }, retentionFrom],
  ['RetentionLayer, dense', retnet, { ...torchscale, ...dense, dense_fusion_method: 'concat' }, retentionFrom],
  ['DenseRetentionLayer', denseRetNet, released, (of) => DenseRetentionLayer.from(of)],
];

/** Starting values with noise, so that gates that start at zero take part. */
const shaken = <P>(params: P): P =>
  tidyTree(() => mapTree(params, (one) => add(one, mul(randomNormal(one.shape, 0, 1, 'float32', one.size), 0.05))));

const loss = (y: Tensor3D): Scalar => mean(square(add(y, 0.3)));

/** Under which variableGrads gives a weight's gradient. */
const nameOf = (weight: LayerVariable | undefined): string => (weight?.read() as Variable | undefined)?.name ?? '';

beforeAll(() => setBackend('wasm'));

describe.each(CASES)('%s', (_, model, json, from) => {
  it('computes what the model does, gradients included', async () => {
    const config = model.parseConfig(json);
    const params = shaken(model.init(config, 2));
    const tokens = someTokens(2, 13, vocab_size);
    const embedding = new Embedding({
      inputDim: config.vocabSize,
      outputDim: hidden_size,
      weights: [params.embeddings ?? params.embedTokens],
    });
    const layer = from({ config, params } as never);
    const norm = new RmsNorm({ epsilon: config.layerNormEpsilon ?? config.normEps, weights: [params.normF ?? params.norm] });
    const ids = input({ shape: [null], dtype: 'int32' });
    const whole = layersModel({ inputs: ids, outputs: norm.apply(layer.apply(embedding.apply(ids))) as typeof ids });

    const want = valueAndGrads((some) => loss(model.forward(some, config, tokens, { logits: 'none' })), params);
    const got = variableGrads(() => loss(whole.apply(tokens, { training: true }) as Tensor3D));
    await expectClose('loss', want.value, got.value, 1e-5);
    const spec = model.spec(config) as { layers: SpecTree };
    let compared = 0;
    const grads = want.grads as { layers: unknown };
    for (const [i, [leaf, gradient]] of [...namedParams(spec.layers, grads.layers)].entries()) {
      const own = nameOf(layer.trainableWeights[i]);
      if ((gradient as Tensor | null) === null) expect(got.grads[own], leaf.name).toBeUndefined();
      else await expectClose(leaf.name, gradient, got.grads[own] as Tensor, 1e-4);
      compared++;
    }
    expect(compared).toBe(layer.trainableWeights.length);
    const [ofTable] = embedding.trainableWeights;
    const table = want.grads as Record<string, Tensor>;
    await expectClose('embeddings', (table.embeddings ?? table.embedTokens) as Tensor, got.grads[nameOf(ofTable)] as Tensor, 1e-4);
    disposeTree([params, tokens, want.value, want.grads, got.value, ...Object.values(got.grads)]);
    whole.dispose();
  });
});
