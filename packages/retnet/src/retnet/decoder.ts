/** RetNet for one token: the equations of retnet.ts as the steps of a decode program. Letters as in ../decoder.ts. */
import { packedOf, type Slot } from '@densessm/kernels/decode';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { type DecoderFamily, type Kept, type OwnOfLayer, type RecordLayer, recordedFusion, type Shared } from '../decoder';
import type { RetNetConfig } from './config';
import type { RetNetParams } from './spec';

type LayerParams = RetNetParams['layers'][number];

async function begin({ program, hidden, norm }: Shared, params: RetNetParams, c: RetNetConfig): Promise<void> {
  if (c.scaleEmbedding) program.scale({ x: hidden, factor: Math.sqrt(c.hiddenSize), size: c.hiddenSize });
  if (params.embeddingNorm) norm(hidden, await program.constantOf(params.embeddingNorm), hidden);
}

function layers(shared: Shared, c: RetNetConfig): RecordLayer<LayerParams> {
  const { program, hidden, x, norm } = shared;
  const alpha = c.deepnorm ? (2 * c.numHiddenLayers) ** 0.25 : 1;
  const [retain, feedForward] = [retention(shared, c), gatedUnit(shared, c)];
  const join = (weight: Tensor2D, y: Slot): void => {
    if (alpha !== 1) program.scale({ x: hidden, factor: alpha, size: c.hiddenSize });
    program.products([{ matrix: packedOf(program, weight), x: y, y: hidden, add: true }]);
  };
  return async (layer, own, sources) => {
    const [first, second] = [await program.constantOf(layer.retentionNorm), await program.constantOf(layer.finalNorm)];
    if (c.normalizeBefore) norm(hidden, first, x);
    join(layer.retention.outProj, retain(layer.retention, own, sources));
    norm(hidden, c.normalizeBefore ? second : first, x);
    join(layer.ffn.fc2, feedForward(layer.ffn));
    if (!c.normalizeBefore) norm(hidden, second, hidden);
  };
}

/** Multi-scale retention of x but for its way out; gives the slot that this reads. */
function retention(shared: Shared, c: RetNetConfig) {
  const { program, q, o, product, rotate, retain } = shared;
  const gate = program.zeros(program.batch * c.valueDim);
  return (params: LayerParams['retention'], own: OwnOfLayer, sources: readonly Kept[]): Slot => {
    const { first, fuse } = recordedFusion(shared, [params.denseK, params.denseV], c, own, sources);
    const [forQ, forK] = [product(params.qProj, q), product(params.kProj, own.k)];
    const [forV, forGate] = [product(params.vProj, own.v), product(params.gProj, gate)];
    program.products([forQ, forK, forV, forGate, ...first]);
    fuse();
    rotate(true);
    retain(own.kv);
    program.rmsNorm({ x: o, y: o, width: c.valueDim, groupSize: c.valueDim / c.numHeads, eps: c.normEps, gate: { x: gate } });
    return o;
  };
}

/** The same of the feed-forward. */
function gatedUnit({ program, product }: Shared, c: RetNetConfig) {
  const size = c.feedForwardSize;
  const [y, gate] = [program.zeros(program.batch * size), program.zeros(program.batch * size)];
  const activation = c.activation === 'swish' ? 'silu' : c.activation;
  return (params: LayerParams['ffn']): Slot => {
    program.products([product(params.fc1, y), product(params.gate, gate)]);
    program.gatedUnit({ x: y, gate, y, size, activation });
    return y;
  };
}

export const retnetDecoderFamily: DecoderFamily<RetNetParams, RetNetConfig> = { begin, layers };
