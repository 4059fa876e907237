export type { BackboneState, LayerState } from './backbone';
export type { BackboneConfig } from './backbone-config';
export type { DenseChoices, MambaConnections } from './dense';
export type { Layout } from './layout';
export { type MambaConfig, mambaConfigToJson, parseDenseMambaConfig, parseMambaConfig } from './mamba/config';
export { mambaDecoder } from './mamba/decoder';
export {
  denseMamba,
  type MambaState,
  mamba,
  mambaAdvance,
  mambaForward,
  mambaGates,
  mambaHiddenStates,
  mambaInitialState,
} from './mamba/mamba';
export { type MambaParams, mambaSpec } from './mamba/spec';
export { type Mamba2Config, mamba2ConfigToJson, parseDenseMamba2Config, parseMamba2Config } from './mamba2/config';
export { mamba2Decoder } from './mamba2/decoder';
export {
  denseMamba2,
  type Mamba2State,
  mamba2,
  mamba2Advance,
  mamba2Forward,
  mamba2Gates,
  mamba2HiddenStates,
  mamba2InitialState,
} from './mamba2/mamba2';
export { type Mamba2Params, mamba2Spec } from './mamba2/spec';
export { type Upcycled, upcycleMamba } from './upcycle';
