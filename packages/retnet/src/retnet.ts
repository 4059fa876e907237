/**
 * RetNet: Sun et al. 2023, arXiv:2307.08621, as torchscale's RetNetDecoder; with dense connections (DenseSSM,
 * arXiv:2403.00818) of k and v where the config has them. These start at zero and carry no norm, so that a fresh dense
 * model equals the plain one.
 * Letters in shapes: B batch, T time, D hidden size.
 */
import { embedding, linear, rmsNorm, siluGate } from '@densessm/kernels';
import {
  type HiddenStates,
  headInput,
  initParams,
  type LayerGate,
  refuseDisposed,
  type SequenceModel,
  type TokenIds,
  tidyTree,
} from '@densessm/ssm-core';
import { add, mul, reshape, type Tensor2D, type Tensor3D, type Tensor4D, tidy } from '@tensorflow/tfjs-core';
import { parseRetNetConfig, RETNET_MODEL_TYPE, type RetNetConfig, recognizesRetNet, retnetConfigToJson } from './config';
import { gatesOfLayers } from './gates';
import { glu } from './glu';
import { retainHeads } from './retention';
import { retnetDecoder } from './retnet-decoder';
import { type RetNetParams, retnetSpec } from './spec';
import { emptyState, type RetentionState } from './state';
import { beginCall, fuse, type LayerInputs, type LayerOutputs, nextState, type RetNetOptions, runLayers, type Shown } from './trunk';

type LayerParams = RetNetParams['layers'][number];

/** MSR(x), eq. 8: out (swish(x W_G) ⊙ norm(retention(x))). The norm is per head and has no weight. */
function multiScaleRetention(
  params: LayerParams['retention'],
  c: RetNetConfig,
  inputs: LayerInputs,
): { y: Tensor3D; shown: Shown; state: Tensor4D } {
  const { x, sources, state, call } = inputs;
  const shown = { k: linear({ x, w: params.kProj }), v: linear({ x, w: params.vProj }), x };
  const k = mul<Tensor3D>(fuse('k', params.denseK, c.dense, shown, sources), (c.keyDim / c.numHeads) ** -0.5);
  const v = fuse('v', params.denseV, c.dense, shown, sources);
  const [o, next] = retainHeads({ q: linear({ x, w: params.qProj }), k, v, state }, c, call);
  const normed: Tensor3D = reshape(rmsNorm({ x: o }, { eps: c.normEps }), v.shape);
  const y = linear({ x: siluGate({ x: normed, gate: linear({ x, w: params.gProj }) }), w: params.outProj });
  return { y, shown, state: next };
}

/** One layer, eq. 9: retention, then the gated feed-forward, each added to what it read. */
function retnetLayer(params: LayerParams, c: RetNetConfig, { x, ...rest }: LayerInputs): LayerOutputs {
  return tidyTree(() => {
    const norm = (weight: typeof params.finalNorm, z: Tensor3D) => rmsNorm({ x: z, weight }, { eps: c.normEps });
    const before = (weight: typeof params.finalNorm, z: Tensor3D) => (c.normalizeBefore ? norm(weight, z) : z);
    const behind = (weight: typeof params.finalNorm, z: Tensor3D) => (c.normalizeBefore ? z : norm(weight, z));
    const alpha = c.deepnorm ? (2 * c.numHiddenLayers) ** 0.25 : 1;
    const join = (residual: Tensor3D, y: Tensor3D): Tensor3D => add(alpha === 1 ? residual : mul(residual, alpha), y);

    const { y, shown, state } = multiScaleRetention(params.retention, c, { x: before(params.retentionNorm, x), ...rest });
    const middle = behind(params.retentionNorm, join(x, y));
    const out = glu(params.ffn, c.activation, before(params.finalNorm, middle));
    return { x: behind(params.finalNorm, join(middle, out)), shown, state };
  });
}

function embed(params: RetNetParams, c: RetNetConfig, ids: Tensor2D): Tensor3D {
  const rows = embedding({ ids, w: params.embedTokens });
  const scaled = c.scaleEmbedding ? mul<Tensor3D>(rows, Math.sqrt(c.hiddenSize)) : rows;
  return params.embeddingNorm ? rmsNorm({ x: scaled, weight: params.embeddingNorm }, { eps: c.normEps }) : scaled;
}

const headOf = (params: RetNetParams): Tensor2D => params.outputProjection ?? params.embedTokens;

/** Everything a call computes; runs inside the caller's tidy. */
function run(where: string, params: RetNetParams, c: RetNetConfig, tokens: TokenIds, options: RetNetOptions, state?: RetentionState) {
  refuseDisposed(where, params, 'params');
  const trunk = beginCall(where, c, tokens, options, state);
  const { ids } = trunk;
  const embeddings = embed(params, c, ids);
  const outputs = runLayers(params.layers, c.dense, trunk, embeddings, (layer, _, inputs) => retnetLayer(layer, c, inputs));
  const last = outputs.at(-1)?.x ?? embeddings;
  const final = params.norm ? rmsNorm({ x: last, weight: params.norm }, { eps: c.normEps }) : last;
  const read = headInput(where, final, options);
  const logits = options.logits === 'none' ? read : linear({ x: read, w: headOf(params) });
  return { embeddings, outputs, final, logits, trunk };
}

/** Logits at every position, [B, T] → [B, T, vocab]. @throws SsmError TOKENS */
export const retnetForward = (params: RetNetParams, config: RetNetConfig, tokens: TokenIds, options: RetNetOptions = {}): Tensor3D =>
  tidy(() => run('retnetForward', params, config, tokens, options).logits);

/** As {@link retnetForward}, with the output of every layer. */
export const retnetHiddenStates = (
  params: RetNetParams,
  config: RetNetConfig,
  tokens: TokenIds,
  options: RetNetOptions = {},
): HiddenStates =>
  tidyTree(() => {
    const { embeddings, outputs, final, logits } = run('retnetHiddenStates', params, config, tokens, options);
    return { embeddings, layers: outputs.map(({ x }) => x), final, logits };
  });

/** What the gates of the dense connections make of the tokens. @throws SsmError TOKENS */
export const retnetGates = (params: RetNetParams, config: RetNetConfig, tokens: TokenIds, options: RetNetOptions = {}): LayerGate[] =>
  tidyTree(() => {
    const { embeddings, layers } = retnetHiddenStates(params, config, tokens, { ...options, logits: 'last' });
    return gatesOfLayers(config.dense, layers.length, (l) => {
      const { retention, retentionNorm } = params.layers[l] as LayerParams;
      const x = layers[l - 1] ?? embeddings;
      const normed = config.normalizeBefore ? rmsNorm({ x, weight: retentionNorm }, { eps: config.normEps }) : x;
      return { k: retention.denseK, v: retention.denseV, x: normed };
    });
  });

/** Reads more tokens after those that made `state`. @throws SsmError TOKENS or STATE */
export const retnetAdvance = (
  params: RetNetParams,
  config: RetNetConfig,
  tokens: TokenIds,
  state: RetentionState,
  options: RetNetOptions = {},
): [Tensor3D, RetentionState] =>
  tidyTree(() => {
    const { outputs, logits, trunk } = run('retnetAdvance', params, config, tokens, options, state);
    return [logits, nextState(trunk, outputs)];
  });

export const retnet: SequenceModel<RetNetConfig, RetNetParams, RetentionState> = {
  modelType: RETNET_MODEL_TYPE,
  recognizes: recognizesRetNet,
  parseConfig: parseRetNetConfig,
  configToJson: retnetConfigToJson,
  spec: retnetSpec,
  init: (config, seed) => initParams(retnetSpec(config), seed),
  forward: retnetForward,
  head: headOf,
  hiddenStates: retnetHiddenStates,
  gates: retnetGates,
  initialState: emptyState,
  advance: retnetAdvance,
  decoder: retnetDecoder,
};
