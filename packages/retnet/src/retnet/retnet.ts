/**
 * RetNet: Sun et al. 2023, arXiv:2307.08621, as torchscale's RetNetDecoder; with dense connections (DenseSSM,
 * arXiv:2403.00818) of k and v where the config has them. These start at zero and carry no norm, so that a fresh dense
 * model equals the plain one.
 * Letters in shapes: B batch, T time, D hidden size.
 */
import { embedding, linear, rmsNorm, siluGate } from '@densessm/kernels';
import { tidyTree } from '@densessm/ssm-core';
import { add, mul, reshape, type Tensor2D, type Tensor3D, type Tensor4D } from '@tensorflow/tfjs-core';
import { retainHeads } from '../retention';
import { type RetentionModel, retentionModel } from '../retention-model';
import { fuse, type LayerInputs, type LayerOutputs, type Shown } from '../trunk';
import { parseRetNetConfig, RETNET_MODEL_TYPE, type RetNetConfig, recognizesRetNet, retnetConfigToJson } from './config';
import { retnetDecoderFamily } from './decoder';
import { glu } from './glu';
import { type RetNetParams, retnetSpec } from './spec';

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

/** RetNet as functions over its params, see {@link RetentionModel}. */
export interface RetNetModel extends RetentionModel<RetNetConfig, RetNetParams> {}

/** RetNet: Sun et al. 2023, arXiv:2307.08621, as torchscale's RetNetDecoder; with dense connections of k and v where its config has them. */
export const retnet: RetNetModel = /* @__PURE__ */ retentionModel<RetNetConfig, RetNetParams>({
  name: 'retnet',
  modelType: RETNET_MODEL_TYPE,
  recognizes: recognizesRetNet,
  parseConfig: parseRetNetConfig,
  configToJson: retnetConfigToJson,
  warnings: () => [],
  spec: retnetSpec,
  embed,
  layer: (params, c, _, inputs) => retnetLayer(params, c, inputs),
  head: (params) => params.outputProjection ?? params.embedTokens,
  gatedLayer: ({ retention: { denseK: k, denseV: v }, retentionNorm: weight }, { normalizeBefore, normEps: eps }, x) => ({
    connections: { k, v },
    x: normalizeBefore ? rmsNorm({ x, weight }, { eps }) : x,
  }),
  decoder: retnetDecoderFamily,
});
