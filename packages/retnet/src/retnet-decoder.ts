/** RetNet for one token: the equations of retnet.ts on packed weights, without tfjs. Letters as in decoder.ts. */
import type { Decoder, DecoderOptions } from '@densessm/ssm-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { RetNetConfig } from './config';
import { type Kept, type OwnOfLayer, type PackLayer, packFusion, retentionDecoder, type Shared } from './decoder';
import type { RetNetParams } from './spec';
import type { RetentionState } from './state';

type LayerParams = RetNetParams['layers'][number];

/**
 * Reads RetNet token by token on tfjs's wasm backend, dense connections included. Undefined on others, and for dense connections other than sums
 * with a gate for all sources (the default).
 * @throws SsmError OPTION, WEIGHTS or BACKEND
 */
export const retnetDecoder = (
  params: RetNetParams,
  config: RetNetConfig,
  options: DecoderOptions,
): Promise<Decoder<RetentionState> | undefined> =>
  retentionDecoder('retnetDecoder', config, options, {
    layers: params.layers,
    embeddings: params.embedTokens,
    head: params.outputProjection,
    norm: params.norm,
    begin: (shared) => scaleEmbedding(params, config, shared),
    packLayers: (shared) => packLayers(shared, config),
  });

async function scaleEmbedding(params: RetNetParams, c: RetNetConfig, { work, hidden, norm, batch }: Shared): Promise<void> {
  if (c.scaleEmbedding) work.host(() => multiply(work.view(hidden, batch * c.hiddenSize), Math.sqrt(c.hiddenSize)));
  if (params.embeddingNorm) norm(hidden, await work.copyOf(params.embeddingNorm), hidden);
}

function multiply(values: Float32Array, by: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * by;
}

function packLayers(shared: Shared, c: RetNetConfig): PackLayer<LayerParams> {
  const { work, batch, type, hidden, x, norm } = shared;
  const alpha = c.deepnorm ? (2 * c.numHiddenLayers) ** 0.25 : 1;
  const [retain, feedForward] = [retention(shared, c), gatedUnit(shared, c)];
  const join = async (matrix: Tensor2D, y: number): Promise<void> => {
    if (alpha !== 1) work.host(() => multiply(work.view(hidden, batch * c.hiddenSize), alpha));
    work.products(batch, [{ matrix: await work.matrix(matrix, { type }), x: y, y: hidden, add: true }]);
  };
  return async (layer, own, sources) => {
    const [first, second] = [await work.copyOf(layer.retentionNorm), await work.copyOf(layer.finalNorm)];
    if (c.normalizeBefore) norm(hidden, first, x);
    await join(layer.retention.outProj, await retain(layer.retention, own, sources));
    norm(hidden, c.normalizeBefore ? second : first, x);
    await join(layer.ffn.fc2, await feedForward(layer.ffn));
    if (!c.normalizeBefore) norm(hidden, second, hidden);
  };
}

/** Multi-scale retention of x but for its way out; gives the address of what that reads. */
function retention(shared: Shared, c: RetNetConfig) {
  const { work, batch, type, x, q, o, rotate, retain } = shared;
  const gate = work.floats(batch * c.valueDim);
  return async (params: LayerParams['retention'], own: OwnOfLayer, sources: readonly Kept[]): Promise<number> => {
    const product = async (matrix: Tensor2D, to: number) => ({ matrix: await work.matrix(matrix, { type }), x, y: to });
    const { first, fuse } = await packFusion(shared, [params.denseK, params.denseV], c, own, sources);
    const [forQ, forK] = [await product(params.qProj, q), await product(params.kProj, own.k)];
    const [forV, forGate] = [await product(params.vProj, own.v), await product(params.gProj, gate)];
    work.products(batch, [forQ, forK, forV, forGate, ...first]);
    fuse();
    rotate(true);
    retain(own.kv);
    work.rmsNorm(o, 0, o, batch * c.numHeads, c.valueDim / c.numHeads, c.normEps, { gate });
    return o;
  };
}

/** The same of the feed-forward. */
function gatedUnit({ work, batch, type, x }: Shared, c: RetNetConfig) {
  const size = batch * c.feedForwardSize;
  const [y, gate] = [work.floats(size), work.floats(size)];
  const activation = c.activation === 'swish' ? 'silu' : c.activation;
  return async (params: LayerParams['ffn']): Promise<number> => {
    const [fc1, fcGate] = [await work.matrix(params.fc1, { type }), await work.matrix(params.gate, { type })];
    work.products(batch, [
      { matrix: fc1, x, y },
      { matrix: fcGate, x, y: gate },
    ]);
    work.gatedUnit(y, gate, y, size, activation);
    return y;
  };
}
