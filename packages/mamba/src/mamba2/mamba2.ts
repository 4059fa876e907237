import { type BackboneModel, backboneModel } from '../backbone-model';
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
import { mamba2DecoderFamily } from './decoder';
import { mamba2Mixer } from './mixer';
import { type Mamba2Params, mamba2Spec } from './spec';
import type { Mamba2State } from './state';

/** Mamba-2 or DenseMamba-2 as functions over its params, see {@link BackboneModel}: the same functions, as its config says which it is. */
export interface Mamba2Model extends BackboneModel<Mamba2Config, Mamba2Params, Mamba2State> {}

const shared = {
  configToJson: mamba2ConfigToJson,
  warnings: mamba2Warnings,
  spec: mamba2Spec,
  mixer: mamba2Mixer,
  decoder: mamba2DecoderFamily,
};

/**
 * Mamba-2: Dao and Gu 2024, arXiv:2405.21060, as a language model: transformers' Mamba2ForCausalLM, mamba_ssm's MambaLMHeadModel.
 */
export const mamba2: Mamba2Model = /* @__PURE__ */ backboneModel({
  ...shared,
  name: 'mamba2',
  modelType: MAMBA2_MODEL_TYPE,
  recognizes: recognizesMamba2,
  parseConfig: parseMamba2Config,
});

/** DenseMamba-2: Mamba-2 with dense connections (DenseSSM, arXiv:2403.00818; see dense.ts), which are part of its config. */
export const denseMamba2: Mamba2Model = /* @__PURE__ */ backboneModel({
  ...shared,
  name: 'denseMamba2',
  modelType: DENSE_MAMBA2_MODEL_TYPE,
  recognizes: () => false,
  parseConfig: parseDenseMamba2Config,
});
