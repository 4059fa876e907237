import { type DenseSpec, denseSources, denseSpec } from '@densessm/dense-connect';
import { gain, kaimingUniform, normal, type Params, repeated, weight, xavierUniform } from '@densessm/ssm-core';
import { deepnormDivisor, divided, positionBuffers } from '../initial-values';
import type { RetNetConfig } from './config';

const LAYER_GAIN = 2 ** -2.5;
const OUTPUT_GAIN = 2 ** -1;

/** The dense connections of k and of v; none in a layer that reads no other. */
function connections(c: RetNetConfig, layer: number, name: string): { denseK: DenseSpec | undefined; denseV: DenseSpec | undefined } {
  if (denseSources(c.dense, layer).length === 0) return { denseK: undefined, denseV: undefined };
  const { hiddenSize, keyDim, valueDim } = c;
  return {
    denseK: denseSpec(c.dense, { hiddenSize, width: keyDim, name: `${name}.dense_k` }),
    denseV: denseSpec(c.dense, { hiddenSize, width: valueDim, name: `${name}.dense_v` }),
  };
}

function retentionSpec(c: RetNetConfig, layer: number) {
  const name = `layers.${layer}.retention`;
  const project = (part: string, out: number, by = 1) =>
    weight(`${name}.${part}.weight`, [out, c.hiddenSize], { init: divided(xavierUniform(LAYER_GAIN), by) });
  const divisor = deepnormDivisor(c);
  return {
    qProj: project('q_proj', c.keyDim),
    kProj: project('k_proj', c.keyDim),
    vProj: project('v_proj', c.valueDim, divisor),
    gProj: project('g_proj', c.valueDim),
    outProj: weight(`${name}.out_proj.weight`, [c.hiddenSize, c.valueDim], { init: divided(xavierUniform(OUTPUT_GAIN), divisor) }),
    ...connections(c, layer, name),
  };
}

function gluSpec(c: RetNetConfig, name: string) {
  const init = divided(kaimingUniform, deepnormDivisor(c));
  return {
    fc1: weight(`${name}.fc1.weight`, [c.feedForwardSize, c.hiddenSize], { init }),
    gate: weight(`${name}.gate.weight`, [c.feedForwardSize, c.hiddenSize]),
    fc2: weight(`${name}.fc2.weight`, [c.hiddenSize, c.feedForwardSize], { init }),
  };
}

/** Names, shapes and starting values of torchscale's RetNetDecoder. */
export function retnetSpec(c: RetNetConfig) {
  const table: [number, number] = [c.vocabSize, c.hiddenSize];
  const init = normal(c.hiddenSize ** -0.5);
  const head = 'output_projection.weight';
  return {
    embedTokens: weight('embed_tokens.weight', table, { init, aliases: c.tieWordEmbeddings ? [head] : [] }),
    embeddingNorm: c.normEmbedding ? gain('layernorm_embedding.weight', c.hiddenSize) : undefined,
    layers: repeated(c.numHiddenLayers, (i) => ({
      retention: retentionSpec(c, i),
      retentionNorm: gain(`layers.${i}.retention_layer_norm.weight`, c.hiddenSize),
      ffn: gluSpec(c, `layers.${i}.ffn`),
      finalNorm: gain(`layers.${i}.final_layer_norm.weight`, c.hiddenSize),
    })),
    norm: c.normalizeBefore ? gain('layer_norm.weight', c.hiddenSize) : undefined,
    outputProjection: c.tieWordEmbeddings ? undefined : weight(head, table, { init }),
    positions: positionBuffers('retnet_rel_pos', c),
  };
}

/** The tensors of a RetNet, see {@link retnetSpec}; matrices may be packed. */
export interface RetNetParams extends Params<ReturnType<typeof retnetSpec>> {}
