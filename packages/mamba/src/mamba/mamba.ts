import { type BackboneModel, backboneModel } from '../backbone-model';
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
import { mambaDecoderFamily } from './decoder';
import { mambaMixer } from './mixer';
import { type MambaParams, mambaSpec } from './spec';
import type { MambaState } from './state';

/** Mamba or DenseMamba as functions over its params, see {@link BackboneModel}: the same functions, as its config says which it is. */
export interface MambaModel extends BackboneModel<MambaConfig, MambaParams, MambaState> {}

const shared = {
  configToJson: mambaConfigToJson,
  warnings: mambaWarnings,
  spec: mambaSpec,
  mixer: mambaMixer,
  decoder: mambaDecoderFamily,
};

/**
 * Mamba: Gu and Dao 2023, arXiv:2312.00752, as a language model: transformers' MambaForCausalLM, mamba_ssm's MambaLMHeadModel.
 */
export const mamba: MambaModel = /* @__PURE__ */ backboneModel({
  ...shared,
  name: 'mamba',
  modelType: MAMBA_MODEL_TYPE,
  recognizes: recognizesMamba,
  parseConfig: parseMambaConfig,
});

/** DenseMamba: Mamba with dense connections (DenseSSM, arXiv:2403.00818; see dense.ts), which are part of its config. */
export const denseMamba: MambaModel = /* @__PURE__ */ backboneModel({
  ...shared,
  name: 'denseMamba',
  modelType: DENSE_MAMBA_MODEL_TYPE,
  recognizes: () => false,
  parseConfig: parseDenseMambaConfig,
});
