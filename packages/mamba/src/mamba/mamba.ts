/**
 * Mamba: Gu and Dao 2023, arXiv:2312.00752, as a language model (transformers' MambaForCausalLM, mamba_ssm's
 * MambaLMHeadModel), and DenseMamba: the same with dense connections (DenseSSM, arXiv:2403.00818; see ../dense.ts).
 */
import {
  type ForwardOptions,
  type HiddenStates,
  initParams,
  type LayerGate,
  type SequenceModel,
  type TokenIds,
  tidyTree,
} from '@densessm/ssm-core';
import { type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { type BackboneState, checkState, emptyState, runBackbone, type StateShapes } from '../backbone';
import { backboneGates } from '../gates';
import {
  DENSE_MAMBA_MODEL_TYPE,
  MAMBA_MODEL_TYPE,
  type MambaConfig,
  mambaConfigToJson,
  parseDenseMambaConfig,
  parseMambaConfig,
  recognisesMamba,
} from './config';
import { mambaMixer } from './mixer';
import { type MambaParams, mambaSpec } from './spec';

/** Per layer the convolution's tail [B, E, W−1] and the state h [B, E, N]. */
export type MambaState = BackboneState<Tensor3D>;

const stateShapes = (c: MambaConfig, batch: number): StateShapes => ({
  conv: [batch, c.innerSize, c.convKernel - 1],
  ssm: [batch, c.innerSize, c.stateSize],
});

/** Logits at every position, [B, T] → [B, T, vocab]. @throws SsmError TOKENS */
export const mambaForward = (params: MambaParams, config: MambaConfig, tokens: TokenIds, options?: ForwardOptions): Tensor3D =>
  tidy(() => runBackbone(params, config, mambaMixer, { where: 'mambaForward', tokens, options }).logits);

/** As {@link mambaForward}, with the output of every layer. */
export const mambaHiddenStates = (params: MambaParams, config: MambaConfig, tokens: TokenIds, options?: ForwardOptions): HiddenStates =>
  tidyTree(() => {
    const { state: _, ...states } = runBackbone(params, config, mambaMixer, { where: 'mambaHiddenStates', tokens, options });
    return states;
  });

/** What the gates of the dense connections make of the tokens. @throws SsmError TOKENS */
export const mambaGates = (params: MambaParams, config: MambaConfig, tokens: TokenIds, options?: ForwardOptions): LayerGate[] =>
  tidyTree(() => backboneGates(params, config, mambaHiddenStates(params, config, tokens, { ...options, logits: 'last' })));

/** The state before the first token, all zero. */
export const mambaInitialState = (config: MambaConfig, batch: number): MambaState =>
  emptyState(config.numHiddenLayers, stateShapes(config, batch));

/** Reads more tokens after those that made `state`. @throws SsmError TOKENS or STATE */
export const mambaAdvance = (
  params: MambaParams,
  config: MambaConfig,
  tokens: TokenIds,
  state: MambaState,
  options?: ForwardOptions,
): [Tensor3D, MambaState] =>
  tidyTree(() => {
    const where = 'mambaAdvance';
    checkState(where, state, config.numHiddenLayers, (batch) => stateShapes(config, batch), tokens);
    const { logits, state: next } = runBackbone(params, config, mambaMixer, { where, tokens, options, state });
    return [logits, next];
  });

export const mamba: SequenceModel<MambaConfig, MambaParams, MambaState> = {
  modelType: MAMBA_MODEL_TYPE,
  recognises: recognisesMamba,
  parseConfig: parseMambaConfig,
  configToJson: mambaConfigToJson,
  spec: mambaSpec,
  init: (config, seed) => initParams(mambaSpec(config), seed),
  forward: mambaForward,
  hiddenStates: mambaHiddenStates,
  gates: mambaGates,
  initialState: mambaInitialState,
  advance: mambaAdvance,
};

/** The same functions: what makes a model dense is in its config. */
export const denseMamba: SequenceModel<MambaConfig, MambaParams, MambaState> = {
  ...mamba,
  modelType: DENSE_MAMBA_MODEL_TYPE,
  recognises: () => false,
  parseConfig: parseDenseMambaConfig,
};
