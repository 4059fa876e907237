import { serialization } from '@tensorflow/tfjs-core';
import { Embedding } from './embedding';
import { MambaLayer } from './mamba-layer';
import { Mamba2Layer } from './mamba2-layer';
import { DenseRetentionLayer, RetentionLayer } from './retention-layer';
import { RmsNorm } from './rms-norm';

/** Makes the layers known to tf.loadLayersModel: call it once before loading. Importing registers nothing. */
export function registerLayers(): void {
  for (const one of [Embedding, RmsNorm, MambaLayer, Mamba2Layer, RetentionLayer, DenseRetentionLayer])
    serialization.registerClass(one as serialization.SerializableConstructor<serialization.Serializable>);
}
