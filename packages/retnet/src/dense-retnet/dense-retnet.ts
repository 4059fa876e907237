/**
 * DenseRetNet: DenseSSM, arXiv:2403.00818, as released by its authors (WailordHe/DenseSSM, DenseGAURetNetModel).
 * Letters in shapes: B batch, T time, D hidden size.
 */
import { embedding, rmsNorm } from '@densessm/kernels';
import { tidyTree } from '@densessm/ssm-core';
import { add } from '@tensorflow/tfjs-core';
import { type RetentionModel, retentionModel } from '../retention-model';
import type { LayerInputs, LayerOutputs } from '../trunk';
import {
  type DenseRetNetConfig,
  denseRetNetConfigToJson,
  denseRetNetWarnings,
  parseDenseRetNetConfig,
  recognizesDenseRetNet,
} from './config';
import { denseRetNetDecoderFamily } from './decoder';
import { gatedRetention } from './gau';
import { type DenseRetNetParams, denseRetNetSpec } from './spec';

type LayerParams = DenseRetNetParams['layers'][number];

/** One layer: x + GAU(norm(x)). There is no feed-forward: the unit is both. */
function denseRetNetLayer(params: LayerParams, c: DenseRetNetConfig, layer: number, { x, ...rest }: LayerInputs): LayerOutputs {
  return tidyTree(() => {
    const normed = rmsNorm({ x, weight: params.inputNorm }, { eps: c.normEps });
    const { y, shown, state } = gatedRetention(params.attention, c, layer, { x: normed, ...rest });
    return { x: add(x, y), shown, state };
  });
}

/** DenseRetNet as functions over its params, see {@link RetentionModel}. */
export interface DenseRetNetModel extends RetentionModel<DenseRetNetConfig, DenseRetNetParams> {}

/** DenseRetNet: DenseSSM, arXiv:2403.00818, as released by its authors. */
export const denseRetNet: DenseRetNetModel = /* @__PURE__ */ retentionModel<DenseRetNetConfig, DenseRetNetParams>({
  name: 'denseRetNet',
  modelType: 'dense_retnet',
  recognizes: recognizesDenseRetNet,
  parseConfig: parseDenseRetNetConfig,
  configToJson: denseRetNetConfigToJson,
  warnings: denseRetNetWarnings,
  spec: denseRetNetSpec,
  embed: (params, c, ids) => embedding({ ids, w: params.embedTokens }, { paddingIndex: c.padTokenId ?? -1 }),
  layer: denseRetNetLayer,
  head: (params) => params.head ?? params.embedTokens,
  gatedLayer: ({ attention: { kSelect: k, vSelect: v }, inputNorm: weight }, { normEps: eps }, x) => ({
    connections: { k, v },
    x: rmsNorm({ x, weight }, { eps }),
  }),
  decoder: denseRetNetDecoderFamily,
});
