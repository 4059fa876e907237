/**
 * DenseRetNet: DenseSSM, arXiv:2403.00818, as released by its authors (WailordHe/DenseSSM, DenseGAURetNetModel).
 * Letters in shapes: B batch, T time, D hidden size.
 */
import { embedding, linear, rmsNorm } from '@densessm/kernels';
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
import { add, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { gatesOfLayers } from '../gates';
import { emptyState, type RetentionState } from '../state';
import { beginCall, type LayerInputs, type LayerOutputs, nextState, type RetNetOptions, runLayers } from '../trunk';
import { type DenseRetNetConfig, denseRetNetConfigToJson, denseRetNetWarnings, parseDenseRetNetConfig, recognizesDenseRetNet } from './config';
import { denseRetNetDecoder } from './decoder';
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

const headOf = (params: DenseRetNetParams): Tensor2D => params.head ?? params.embedTokens;

/** Everything a call computes; runs inside the caller's tidy. */
function run(
  where: string,
  params: DenseRetNetParams,
  c: DenseRetNetConfig,
  tokens: TokenIds,
  options: RetNetOptions,
  state?: RetentionState,
) {
  refuseDisposed(where, params, 'params');
  const trunk = beginCall(where, c, tokens, options, state);
  const { ids } = trunk;
  const embeddings = embedding({ ids, w: params.embedTokens }, { paddingIndex: c.padTokenId ?? -1 });
  const outputs = runLayers(params.layers, c.dense, trunk, embeddings, (layer, index, inputs) => denseRetNetLayer(layer, c, index, inputs));
  const final = rmsNorm({ x: outputs.at(-1)?.x ?? embeddings, weight: params.norm }, { eps: c.normEps });
  const read = headInput(where, final, options);
  const logits = options.logits === 'none' ? read : linear({ x: read, w: headOf(params) });
  return { embeddings, outputs, final, logits, trunk };
}

/** Logits at every position, [B, T] → [B, T, vocab]. @throws SsmError TOKENS */
export const denseRetNetForward = (
  params: DenseRetNetParams,
  config: DenseRetNetConfig,
  tokens: TokenIds,
  options: RetNetOptions = {},
): Tensor3D => tidy(() => run('denseRetNetForward', params, config, tokens, options).logits);

/** As {@link denseRetNetForward}, with the output of every layer. */
export const denseRetNetHiddenStates = (
  params: DenseRetNetParams,
  config: DenseRetNetConfig,
  tokens: TokenIds,
  options: RetNetOptions = {},
): HiddenStates =>
  tidyTree(() => {
    const { embeddings, outputs, final, logits } = run('denseRetNetHiddenStates', params, config, tokens, options);
    return { embeddings, layers: outputs.map(({ x }) => x), final, logits };
  });

/** What the gates of the dense connections make of the tokens. @throws SsmError TOKENS */
export const denseRetNetGates = (
  params: DenseRetNetParams,
  config: DenseRetNetConfig,
  tokens: TokenIds,
  options: RetNetOptions = {},
): LayerGate[] =>
  tidyTree(() => {
    const { embeddings, layers } = denseRetNetHiddenStates(params, config, tokens, { ...options, logits: 'last' });
    return gatesOfLayers(config.dense, layers.length, (l) => {
      const { attention, inputNorm } = params.layers[l] as DenseRetNetParams['layers'][number];
      const x = rmsNorm({ x: layers[l - 1] ?? embeddings, weight: inputNorm }, { eps: config.normEps });
      return { k: attention.kSelect, v: attention.vSelect, x };
    });
  });

/** Reads more tokens after those that made `state`. @throws SsmError TOKENS or STATE */
export const denseRetNetAdvance = (
  params: DenseRetNetParams,
  config: DenseRetNetConfig,
  tokens: TokenIds,
  state: RetentionState,
  options: RetNetOptions = {},
): [Tensor3D, RetentionState] =>
  tidyTree(() => {
    const { outputs, logits, trunk } = run('denseRetNetAdvance', params, config, tokens, options, state);
    return [logits, nextState(trunk, outputs)];
  });

export const denseRetNet: SequenceModel<DenseRetNetConfig, DenseRetNetParams, RetentionState> = {
  modelType: 'dense_retnet',
  recognizes: recognizesDenseRetNet,
  parseConfig: parseDenseRetNetConfig,
  configToJson: denseRetNetConfigToJson,
  warnings: denseRetNetWarnings,
  spec: denseRetNetSpec,
  init: (config, seed) => initParams(denseRetNetSpec(config), seed),
  forward: denseRetNetForward,
  head: headOf,
  hiddenStates: denseRetNetHiddenStates,
  gates: denseRetNetGates,
  initialState: emptyState,
  advance: denseRetNetAdvance,
  decoder: denseRetNetDecoder,
};
