export type { DenseArgs, LayerArgs, SequenceLayerArgs } from './args';
export { Embedding, type EmbeddingArgs } from './embedding';
export { MambaLayer, type MambaLayerArgs } from './mamba-layer';
export { Mamba2Layer, type Mamba2LayerArgs } from './mamba2-layer';
export { registerLayers } from './register';
export { DenseRetentionLayer, type DenseRetentionLayerArgs, RetentionLayer, type RetentionLayerArgs } from './retention-layer';
export { RmsNorm, type RmsNormArgs } from './rms-norm';
export type { OfModel, SequenceLayer } from './sequence-layer';
