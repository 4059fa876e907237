/** RetNet for one token: the equations of retnet.ts on packed weights, without tfjs. Letters as in decoder.ts. */
import type { PackedLinear } from '@densessm/kernels';
import type { Decoder, DecoderOptions } from '@densessm/ssm-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { RetNetConfig } from './config';
import { type Kept, type OwnOfLayer, type PackLayer, packFusions, retentionDecoder, type Shared } from './decoder';
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
    begin: (shared) => packEmbedding(params, config, shared),
    packLayers: (shared) => packLayers(shared, config),
  });

async function packEmbedding(params: RetNetParams, c: RetNetConfig, { work, hidden, norm, batch }: Shared): Promise<() => void> {
  const gain = await work.copyOf(params.embeddingNorm);
  return () => {
    if (c.scaleEmbedding) multiply(work.view(hidden, batch * c.hiddenSize), Math.sqrt(c.hiddenSize));
    if (gain) norm(hidden, gain, hidden);
  };
}

function multiply(values: Float32Array, by: number): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * by;
}

function packLayers(shared: Shared, c: RetNetConfig): PackLayer<LayerParams> {
  const { work, batch, hidden, x, norm } = shared;
  const alpha = c.deepnorm ? (2 * c.numHiddenLayers) ** 0.25 : 1;
  const [packRetention, packGlu] = [retentionPacker(shared, c), gluPacker(shared, c)];
  const before = (weight: number) => c.normalizeBefore && norm(hidden, weight, x);
  const behind = (weight: number) => c.normalizeBefore || norm(hidden, weight, hidden);
  const join = ({ run, y, out }: Branch): void => {
    run();
    if (alpha !== 1) multiply(work.view(hidden, batch * c.hiddenSize), alpha);
    out.run(y, hidden, batch, { add: true });
  };
  return async (layer, own, sources) => {
    const [retention, ffn] = [await packRetention(layer.retention, own, sources), await packGlu(layer.ffn)];
    const [first, second] = [await work.copyOf(layer.retentionNorm), await work.copyOf(layer.finalNorm)];
    return () => {
      before(first);
      join(retention);
      behind(first);
      before(second);
      join(ffn);
      behind(second);
    };
  };
}

/** What is added to the residual stream: `out` y once `run` has filled y. */
interface Branch {
  run(): void;
  y: number;
  out: PackedLinear;
}

function retentionPacker(shared: Shared, c: RetNetConfig) {
  const { work, batch, type, x, q, k, v, o, rotate, retain } = shared;
  const gate = work.floats(batch * c.valueDim);
  return async (params: LayerParams['retention'], own: OwnOfLayer, sources: readonly Kept[]): Promise<Branch> => {
    const pack = (matrix: Tensor2D) => work.matrix(matrix, { type });
    const [qProj, kProj] = [await pack(params.qProj), await pack(params.kProj)];
    const [vProj, gProj] = [await pack(params.vProj), await pack(params.gProj)];
    const [fuseK, fuseV] = await packFusions(shared, [params.denseK, params.denseV], c, sources);
    const run = (): void => {
      qProj.run(x, q, batch);
      kProj.run(x, own.k, batch);
      vProj.run(x, own.v, batch);
      gProj.run(x, gate, batch);
      fuseK(own.k, k);
      fuseV(own.v, v);
      rotate(true);
      retain(own.kv);
      work.rmsNorm(o, 0, o, batch * c.numHeads, c.valueDim / c.numHeads, c.normEps, { gate });
    };
    return { run, y: o, out: await pack(params.outProj) };
  };
}

function gluPacker({ work, batch, type, x }: Shared, c: RetNetConfig) {
  const size = batch * c.feedForwardSize;
  const [y, other] = [work.floats(size), work.floats(size)];
  const activation = c.activation === 'swish' ? 'silu' : c.activation;
  return async (params: LayerParams['ffn']): Promise<Branch> => {
    const [fc1, gate] = [await work.matrix(params.fc1, { type }), await work.matrix(params.gate, { type })];
    const run = (): void => {
      fc1.run(x, y, batch);
      gate.run(x, other, batch);
      work.gatedUnit(y, other, y, size, activation);
    };
    return { run, y, out: await work.matrix(params.fc2, { type }) };
  };
}
