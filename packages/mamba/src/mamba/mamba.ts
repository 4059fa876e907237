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
import { checkState, emptyState, headOf, runBackbone } from '../backbone';
import { backboneGates } from '../gates';
import {
  DENSE_MAMBA_MODEL_TYPE,
  MAMBA_MODEL_TYPE,
  type MambaConfig,
  mambaConfigToJson,
  mambaWarnings,
  parseDenseMambaConfig,
  parseMambaConfig,
  recognizesMamba,
} from './config';
import { mambaDecoder } from './decoder';
import { mambaMixer } from './mixer';
import { type MambaParams, mambaSpec } from './spec';
import { type MambaState, stateShapes } from './state';

export type { MambaState } from './state';

/** Logits at every position, [B, T] → [B, T, vocab]. @throws SsmError TOKENS */
export const mambaForward = (params: MambaParams, config: MambaConfig, tokens: TokenIds, options?: ForwardOptions): Tensor3D =>
  tidy(() => runBackbone(params, config, mambaMixer, { where: 'mambaForward', tokens, options, logitsOnly: true }).logits);

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
    const { logits, state: next } = runBackbone(params, config, mambaMixer, { where, tokens, options, state, logitsOnly: true });
    return [logits, next];
  });

export const mamba: SequenceModel<MambaConfig, MambaParams, MambaState> = {
  modelType: MAMBA_MODEL_TYPE,
  recognizes: recognizesMamba,
  parseConfig: parseMambaConfig,
  configToJson: mambaConfigToJson,
  warnings: mambaWarnings,
  spec: mambaSpec,
  init: (config, seed) => initParams(mambaSpec(config), seed),
  forward: mambaForward,
  head: headOf,
  hiddenStates: mambaHiddenStates,
  gates: mambaGates,
  initialState: mambaInitialState,
  advance: mambaAdvance,
  decoder: mambaDecoder,
};

/** The same functions: what makes a model dense is in its config. */
export const denseMamba: SequenceModel<MambaConfig, MambaParams, MambaState> = {
  ...mamba,
  modelType: DENSE_MAMBA_MODEL_TYPE,
  recognizes: () => false,
  parseConfig: parseDenseMambaConfig,
};
