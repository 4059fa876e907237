import { type DenseSpec, denseSources, denseSpec } from '@densessm/dense-connect';
import { type ConstantLeaf, constant, gain, type Initializer, normal, type Params, repeated, weight } from '@densessm/ssm-core';
import { mul, oneHot, reshape, sub, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { deepnormDivisor, divided, positionBuffers } from '../initial-values';
import type { DenseRetNetConfig } from './config';

/** Another initializer with one row of zeros. */
const withoutRow =
  (init: Initializer, row: number | undefined): Initializer =>
  (shape, seed) =>
    tidy(() => {
      const values = init(shape, seed);
      if (row === undefined) return values;
      const marked = oneHot(tensor1d([row], 'int32'), shape[0] as number, 1, 0, 'float32');
      return mul(values, sub(1, reshape(marked, [-1, 1])));
    });

/**
 * The connections of k and v. As released, every layer has them, even layer 0, which never reads them, and even with no
 * dense layers; only the layers of scope 'block' that read nothing go without.
 */
function connections(
  c: DenseRetNetConfig,
  layer: number,
  name: string,
): { kSelect: DenseSpec | undefined; vSelect: DenseSpec | undefined } {
  if (c.dense.scope === 'block' && denseSources(c.dense, layer).length === 0) return { kSelect: undefined, vSelect: undefined };
  if (hasEmptyGates(c)) return { kSelect: undefined, vSelect: undefined };
  const dense = { ...c.dense, denseLayers: Math.max(1, c.dense.denseLayers) };
  const gateInit = divided(normal(c.initializerRange), deepnormDivisor(c));
  const { hiddenSize } = c;
  const [keys, values] = gateWidths(c);
  return {
    kSelect: denseSpec(dense, { hiddenSize, width: keys, name: `${name}.k_select`, gateInit }),
    vSelect: denseSpec(dense, { hiddenSize, width: values, name: `${name}.v_select`, gateInit }),
  };
}

/** Gates that are read are as wide as k and v. The released code makes them hidden / 2 and 2 hidden wide, which shows where none is read. */
const gateWidths = ({ dense, hiddenSize, keyDim, valueDim }: DenseRetNetConfig): [keys: number, values: number] =>
  dense.denseLayers > 0 ? [keyDim, valueDim] : [Math.floor(hiddenSize / 2), 2 * hiddenSize];

const hasEmptyGates = ({ dense }: DenseRetNetConfig): boolean => dense.gate === 'mlp' && dense.gateRank === 0;

/** Matrices of gates of rank 0: stored by the reference, without a value. */
function emptyGates(c: DenseRetNetConfig, name: string): Record<string, ConstantLeaf> | undefined {
  if (!hasEmptyGates(c)) return undefined;
  const [keys, values] = gateWidths(c);
  const empty = (part: string, shape: [number, number]) => constant(`${name}.${part}.weight`, shape, () => new Float32Array(0));
  return {
    kFc1: empty('k_select.fc1', [0, c.hiddenSize]),
    kFc2: empty('k_select.fc2', [keys, 0]),
    vFc1: empty('v_select.fc1', [0, c.hiddenSize]),
    vFc2: empty('v_select.fc2', [values, 0]),
  };
}

function attentionSpec(c: DenseRetNetConfig, layer: number) {
  const name = `model.layers.${layer}.self_attn`;
  const init = normal(c.initializerRange);
  return {
    qProj: weight(`${name}.q_proj.weight`, [c.keyDim, c.hiddenSize], { init }),
    kProj: weight(`${name}.k_proj.weight`, [c.keyDim, c.hiddenSize], { init }),
    /** v and the output gate, one above the other. */
    toHidden: weight(`${name}.to_hidden.0.weight`, [2 * c.valueDim, c.hiddenSize], { init: divided(init, deepnormDivisor(c)) }),
    toOut: weight(`${name}.to_out.0.weight`, [c.hiddenSize, c.valueDim], { init }),
    /** One gain of a head's size, shared by all heads. */
    groupNorm: gain(`${name}.group_norm.weight`, c.valueDim / c.numHeads),
    ...connections(c, layer, name),
    emptyGates: emptyGates(c, name),
    kNorm: gain(`${name}.k_norm.weight`, c.keyDim),
    vNorm: gain(`${name}.v_norm.weight`, c.valueDim),
  };
}

/** Names, shapes and starting values of the released DenseRetNet. */
export function denseRetNetSpec(c: DenseRetNetConfig) {
  const table: [number, number] = [c.vocabSize, c.hiddenSize];
  const init = normal(c.initializerRange);
  const head = 'lm_head.weight';
  return {
    embedTokens: weight('model.embed_tokens.weight', table, {
      init: withoutRow(init, c.padTokenId),
      aliases: c.tieWordEmbeddings ? [head] : [],
    }),
    layers: repeated(c.numHiddenLayers, (i) => ({
      inputNorm: gain(`model.layers.${i}.input_layernorm.weight`, c.hiddenSize),
      attention: attentionSpec(c, i),
    })),
    norm: gain('model.norm.weight', c.hiddenSize),
    head: c.tieWordEmbeddings ? undefined : weight(head, table, { init }),
    positions: positionBuffers('model.retnet_rel_pos', c),
  };
}

/** The tensors of a DenseRetNet, see {@link denseRetNetSpec}; matrices may be packed. */
export interface DenseRetNetParams extends Params<ReturnType<typeof denseRetNetSpec>> {}
