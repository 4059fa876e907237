/**
 * A model of one's own: gated linear attention (Yang et al. 2023, arXiv:2312.06635, §4.4, with one decay per head and token), whose layers read
 * what shallower ones read out of their states, through dense connections (DenseSSM, arXiv:2403.00818, §3.2).
 *   a_t = σ(W_a x_t)^(1/16),  S_t = a_t S_(t−1) + k_tᵀ v_t,  o_t = q_t S_t,  y = W_o (norm(dense(o)) ⊙ SiLU(W_g x))
 * Letters in shapes: B batch, T time, D hidden size, H heads.
 *
 * densessm train --plugin ./gated-linear-attention.js --hidden-size 64 --num-hidden-layers 4
 */
import { denseConfigToJson, denseConnect, denseSources, denseSpec, gateValues, parseDenseConfig } from '@densessm/dense-connect';
import { decayScan, embedding, linear, logSigmoid, rmsNorm, silu } from '@densessm/kernels';
import * as core from '@densessm/ssm-core';
import { add, mul, reshape, zeros } from '@tensorflow/tfjs-core';

const TYPE = 'gated_linear_attention';

function parseConfig(json) {
  const read = core.readConfig('gated linear attention', json);
  read.only('model_type', TYPE, 'read it with the model of that type');
  const [vocabSize, hiddenSize] = [read.integer('vocab_size'), read.integer('hidden_size')];
  const [numHiddenLayers, numHeads] = [read.integer('num_hidden_layers'), read.integer('num_heads')];
  read.require(hiddenSize % numHeads === 0, 'num_heads', `a divisor of hidden_size ${hiddenSize}`);
  const config = { vocabSize, hiddenSize, numHiddenLayers, numHeads, dense: parseDenseConfig(read, hiddenSize) };
  read.refuseUnknown();
  return Object.freeze(config);
}

function configToJson({ vocabSize, hiddenSize, numHiddenLayers, numHeads, dense }) {
  const sizes = { vocab_size: vocabSize, hidden_size: hiddenSize, num_hidden_layers: numHiddenLayers, num_heads: numHeads };
  return { model_type: TYPE, ...sizes, ...denseConfigToJson(dense) };
}

/** Names, shapes and starting values of all weights. */
const spec = ({ vocabSize, hiddenSize: D, numHiddenLayers, numHeads, dense }) => ({
  embeddings: core.weight('embeddings.weight', [vocabSize, D]),
  layers: core.repeated(numHiddenLayers, (l) => ({
    norm: core.gain(`layers.${l}.norm.weight`, D),
    ...Object.fromEntries(['q', 'k', 'v', 'g', 'o'].map((one) => [one, core.weight(`layers.${l}.${one}_proj.weight`, [D, D])])),
    a: core.weight(`layers.${l}.a_proj.weight`, [numHeads, D]),
    readNorm: core.gain(`layers.${l}.read_norm.weight`, D),
    dense: denseSources(dense, l).length > 0 ? denseSpec(dense, { hiddenSize: D, width: D, name: `layers.${l}.dense` }) : undefined,
  })),
  norm: core.gain('norm.weight', D),
});

/** One layer: x [B, T, D] → x, what it shows to deeper layers, its state [B, H, D/H, D/H]. */
function layerOf({ numHeads, dense }, { layer, x, state, sources }, documentStarts, chunkSize = 64) {
  const [B, T, D] = x.shape;
  const normed = rmsNorm({ x, weight: layer.norm });
  const project = (w) => linear({ x: normed, w });
  const heads = (y) => reshape(y, [B, T, numHeads, D / numHeads]);
  const [q, k, v] = [heads(mul(project(layer.q), (D / numHeads) ** -0.5)), heads(project(layer.k)), heads(project(layer.v))];
  const logDecay = mul(logSigmoid(project(layer.a)), 1 / 16); // tfjs's logSigmoid has no gradient here
  const [o, next] = decayScan({ q, k, v, logDecay, s0: state, documentStarts }, { chunkSize });
  const own = reshape(o, [B, T, D]);
  const fused = layer.dense ? denseConnect(layer.dense, dense, { own, sources, x: normed }) : own;
  const y = mul(rmsNorm({ x: fused, weight: layer.readNorm }), silu(project(layer.g)));
  return { x: add(x, linear({ x: y, w: layer.o })), shown: own, state: next };
}

/** The whole model over tokens [B, T], from the start of a text or from a state. */
function run(where, params, config, tokens, options = {}, state = undefined) {
  const ids = core.tokenTensor(where, tokens, config.vocabSize);
  core.refuseDisposed(where, params, 'params');
  core.refuseDisposed(where, state, 'states');
  const constants = { documentStarts: core.documentStartsTensor(where, options, ids) };
  const embeddings = embedding({ ids, w: params.embeddings });
  const step = (inputs, { documentStarts }) => core.tidyTree(() => layerOf(config, inputs, documentStarts, options.chunkSize));
  const done = [];
  for (const [l, layer] of params.layers.entries()) {
    const sources = denseSources(config.dense, l).map((source) => done[source].shown);
    const inputs = { layer, x: done.at(-1)?.x ?? embeddings, state: state?.[l], sources };
    done.push(options.recompute ? core.checkpointed(step, inputs, constants) : step(inputs, constants));
  }
  const final = rmsNorm({ x: done.at(-1).x, weight: params.norm });
  const read = core.headInput(where, final, options);
  const logits = options.logits === 'none' ? read : linear({ x: read, w: params.embeddings });
  return { embeddings, layers: done.map(({ x }) => x), final, logits, state: done.map((one) => one.state) };
}

const hiddenStates = (params, config, tokens, options) =>
  core.tidyTree(() => (({ state: _, ...states }) => states)(run('hiddenStates', params, config, tokens, options)));

/** The gates of the dense connections, for the report. */
const gates = (params, config, tokens, options) =>
  core.tidyTree(() => {
    const { embeddings, layers } = hiddenStates(params, config, tokens, options);
    return params.layers.flatMap(({ norm, dense }, layer) => {
      const x = rmsNorm({ x: layers[layer - 1] ?? embeddings, weight: norm });
      const values = dense && gateValues(dense, config.dense, x, denseSources(config.dense, layer).length);
      return values ? [{ layer, name: 'o', values }] : [];
    });
  });

/** @type {import('@densessm/trainer').CommandModel} */
export default {
  modelType: TYPE,
  recognizes: () => false,
  parseConfig,
  configToJson,
  spec,
  init: (config, seed) => core.initParams(spec(config), seed),
  forward: (params, config, tokens, options) => core.tidyTree(() => run('forward', params, config, tokens, options).logits),
  head: ({ embeddings }) => embeddings,
  hiddenStates,
  gates,
  initialState: ({ hiddenSize, numHiddenLayers, numHeads }, batch) =>
    Array.from({ length: numHiddenLayers }, () => zeros([batch, numHeads, hiddenSize / numHeads, hiddenSize / numHeads])),
  advance: (params, config, tokens, state, options) =>
    core.tidyTree(() => {
      const { logits, state: next } = run('advance', params, config, tokens, options, state);
      return [logits, next];
    }),
  // what the size flags of `densessm train` mean
  configFor: ({ vocabSize, hiddenSize, numHiddenLayers, numAttentionHeads = 4, denseLayers }) => ({
    ...{ vocab_size: vocabSize, hidden_size: hiddenSize, num_hidden_layers: numHiddenLayers },
    ...{ num_heads: numAttentionHeads, dense_block_layers: denseLayers },
  }),
};
