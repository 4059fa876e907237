import type { LayerGate } from '@densessm/ssm-core';
import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { DenseConfig } from './config';
import { gateValues } from './selective-transition';
import { denseSources } from './sources';
import type { DenseParams } from './spec';

/** The connections of a layer by the names of what they connect, and the input that their gates read. */
export interface GatedLayer {
  connections: Readonly<Record<string, DenseParams | undefined>>;
  /** Normed, [B, T, D]. */
  x: Tensor3D;
}

/**
 * What the gates of every layer make of its input, in the order of the layers: a model's `gates`. `read` is asked only for layers that read
 * others through gates. Makes tensors: call it inside a tidy. @throws SsmError WEIGHTS
 */
export const layerGates = (dense: DenseConfig, layers: number, read: (layer: number) => GatedLayer): LayerGate[] =>
  Array.from({ length: layers }, (_, layer) => layer).flatMap((layer) => {
    const sources = denseSources(dense, layer).length;
    if (sources === 0 || dense.gate === 'none') return [];
    const { connections, x } = read(layer);
    return Object.entries(connections).flatMap(([name, connection]) => {
      const values = connection && gateValues(connection, dense, x, sources);
      return values ? [{ layer, name, values }] : [];
    });
  });
