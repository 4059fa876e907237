/**
 * Mamba-2: Dao and Gu 2024, arXiv:2405.21060, as a language model (transformers' Mamba2ForCausalLM, mamba_ssm's
 * MambaLMHeadModel), and Dense Mamba-2: the same with dense connections (DenseSSM, arXiv:2403.00818; see ../dense.ts).
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
  DENSE_MAMBA2_MODEL_TYPE,
  MAMBA2_MODEL_TYPE,
  type Mamba2Config,
  mamba2ConfigToJson,
  mamba2Warnings,
  parseDenseMamba2Config,
  parseMamba2Config,
  recognizesMamba2,
} from './config';
import { mamba2Decoder } from './decoder';
import { mamba2Mixer } from './mixer';
import { type Mamba2Params, mamba2Spec } from './spec';
import { type Mamba2State, stateShapes } from './state';

export type { Mamba2State } from './state';

/** Logits at every position, [B, T] → [B, T, vocab]. @throws SsmError TOKENS */
export const mamba2Forward = (params: Mamba2Params, config: Mamba2Config, tokens: TokenIds, options?: ForwardOptions): Tensor3D =>
  tidy(() => runBackbone(params, config, mamba2Mixer, { where: 'mamba2Forward', tokens, options, logitsOnly: true }).logits);

/** As {@link mamba2Forward}, with the output of every layer. */
export const mamba2HiddenStates = (params: Mamba2Params, config: Mamba2Config, tokens: TokenIds, options?: ForwardOptions): HiddenStates =>
  tidyTree(() => {
    const { state: _, ...states } = runBackbone(params, config, mamba2Mixer, { where: 'mamba2HiddenStates', tokens, options });
    return states;
  });

/** What the gates of the dense connections make of the tokens. @throws SsmError TOKENS */
export const mamba2Gates = (params: Mamba2Params, config: Mamba2Config, tokens: TokenIds, options?: ForwardOptions): LayerGate[] =>
  tidyTree(() => backboneGates(params, config, mamba2HiddenStates(params, config, tokens, { ...options, logits: 'last' })));

/** The state before the first token, all zero. */
export const mamba2InitialState = (config: Mamba2Config, batch: number): Mamba2State =>
  emptyState(config.numHiddenLayers, stateShapes(config, batch));

/** Reads more tokens after those that made `state`. @throws SsmError TOKENS or STATE */
export const mamba2Advance = (
  params: Mamba2Params,
  config: Mamba2Config,
  tokens: TokenIds,
  state: Mamba2State,
  options?: ForwardOptions,
): [Tensor3D, Mamba2State] =>
  tidyTree(() => {
    const where = 'mamba2Advance';
    checkState(where, state, config.numHiddenLayers, (batch) => stateShapes(config, batch), tokens);
    const { logits, state: next } = runBackbone(params, config, mamba2Mixer, { where, tokens, options, state, logitsOnly: true });
    return [logits, next];
  });

export const mamba2: SequenceModel<Mamba2Config, Mamba2Params, Mamba2State> = {
  modelType: MAMBA2_MODEL_TYPE,
  recognizes: recognizesMamba2,
  parseConfig: parseMamba2Config,
  configToJson: mamba2ConfigToJson,
  warnings: mamba2Warnings,
  spec: mamba2Spec,
  init: (config, seed) => initParams(mamba2Spec(config), seed),
  forward: mamba2Forward,
  head: headOf,
  hiddenStates: mamba2HiddenStates,
  gates: mamba2Gates,
  initialState: mamba2InitialState,
  advance: mamba2Advance,
  decoder: mamba2Decoder,
};

/** The same functions: what makes a model dense is in its config. */
export const denseMamba2: SequenceModel<Mamba2Config, Mamba2Params, Mamba2State> = {
  ...mamba2,
  modelType: DENSE_MAMBA2_MODEL_TYPE,
  recognizes: () => false,
  parseConfig: parseDenseMamba2Config,
};
