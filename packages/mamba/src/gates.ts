import { denseSources, gateValues } from '@densessm/dense-connect';
import { rmsNorm } from '@densessm/kernels';
import type { HiddenStates, LayerGate } from '@densessm/ssm-core';
import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { BackboneParams } from './backbone';
import type { BackboneConfig } from './backbone-config';
import type { ConnectionsParams } from './dense';

/** What the gates of every layer make of that layer's normed input. Makes tensors: call it inside a tidy. */
export function backboneGates(
  params: BackboneParams<{ dense: ConnectionsParams }>,
  { dense, layerNormEpsilon: eps }: BackboneConfig,
  { embeddings, layers }: Pick<HiddenStates, 'embeddings' | 'layers'>,
): LayerGate[] {
  if (dense === undefined) return [];
  return params.layers.flatMap(({ norm, mixer }, layer) => {
    const sources = denseSources(dense, layer).length;
    if (sources === 0) return [];
    const x = rmsNorm({ x: layers[layer - 1] ?? embeddings, weight: norm }, { eps });
    return Object.entries(mixer.dense).flatMap(([name, connection]) => {
      const values: Tensor3D | undefined = connection && gateValues(connection, dense, x, sources);
      return values ? [{ layer, name, values }] : [];
    });
  });
}
