import { type DenseConfig, type DenseParams, denseSources, gateValues } from '@densessm/dense-connect';
import type { LayerGate } from '@densessm/ssm-core';
import type { Tensor3D } from '@tensorflow/tfjs-core';

/** The connections of a layer, and the input that their gates read. */
export interface GatedLayer {
  k: DenseParams | undefined;
  v: DenseParams | undefined;
  /** Normed, [B, T, D]. */
  x: Tensor3D;
}

/** What the gates of k and v make of every layer's input; `read` is asked only for layers that read others. Makes tensors: call it inside a tidy. */
export const gatesOfLayers = (dense: DenseConfig, layers: number, read: (layer: number) => GatedLayer): LayerGate[] =>
  Array.from({ length: layers }, (_, layer) => layer).flatMap((layer) => {
    const sources = denseSources(dense, layer).length;
    if (sources === 0 || dense.gate === 'none') return [];
    const { k, v, x } = read(layer);
    return Object.entries({ k, v }).flatMap(([name, connection]) => {
      const values = connection && gateValues(connection, dense, x, sources);
      return values ? [{ layer, name, values }] : [];
    });
  });
