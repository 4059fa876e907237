/** DenseRetNet for one token: the equations of gau.ts on packed weights, without tfjs. Letters as in ../decoder.ts. */
import type { Decoder, DecoderOptions } from '@densessm/ssm-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { type PackLayer, packFusions, retentionDecoder, type Shared } from '../decoder';
import type { RetentionState } from '../state';
import type { DenseRetNetConfig } from './config';
import type { DenseRetNetParams } from './spec';

/**
 * Reads DenseRetNet token by token on tfjs's wasm backend. Undefined on others, and for dense connections other than sums with a gate for all
 * sources (the default).
 * @throws SsmError OPTION, WEIGHTS or BACKEND
 */
export const denseRetNetDecoder = (
  params: DenseRetNetParams,
  config: DenseRetNetConfig,
  options: DecoderOptions,
): Promise<Decoder<RetentionState> | undefined> =>
  retentionDecoder('denseRetNetDecoder', config, options, {
    layers: params.layers,
    embeddings: params.embedTokens,
    head: params.head,
    norm: params.norm,
    packLayers: (shared) => packLayers(shared, config),
  });

/**
 * What is shown of k lacks its factor K^−½. Layer 0, which has no norm, gets it with the rotation; in others it would pass the norm and
 * show in its eps alone, which is larger by as much: c k / √(c² mean(k²) + eps) = k / √(mean(k²) + eps / c²).
 */
function packLayers(shared: Shared, c: DenseRetNetConfig): PackLayer<DenseRetNetParams['layers'][number]> {
  const { work, batch, type, hidden, x, q, k, v, o, norm, rotate, retain } = shared;
  const { keyDim, valueDim, numHeads: heads, normEps } = c;
  /** v and the output gate side by side, before their SiLU. */
  const raw = work.floats(batch * 2 * valueDim);
  const size = valueDim / heads;

  return async ({ inputNorm, attention }, own, sources) => {
    const isFirst = own.index === 0;
    const pack = (matrix: Tensor2D) => work.matrix(matrix, { type });
    const [qProj, kProj] = [await pack(attention.qProj), await pack(attention.kProj)];
    const [toHidden, toOut] = [await pack(attention.toHidden), await pack(attention.toOut)];
    const [fuseK, fuseV] = await packFusions(shared, [attention.kSelect, attention.vSelect], c, sources);
    const [first, groupNorm] = [await work.copyOf(inputNorm), await work.copyOf(attention.groupNorm)];
    const [kNorm, vNorm] = [await work.copyOf(attention.kNorm), await work.copyOf(attention.vNorm)];
    const project = (): void => {
      qProj.run(x, q, batch);
      kProj.run(x, own.k, batch);
      toHidden.run(x, raw, batch);
      work.silu(q, batch * keyDim);
      work.silu(own.k, batch * keyDim);
      work.siluRows(raw, 2 * valueDim, own.v, batch, valueDim);
    };
    return () => {
      norm(hidden, first, x);
      project();
      fuseK(own.k, k);
      fuseV(own.v, v);
      if (!isFirst) work.rmsNorm(k, kNorm, k, batch, keyDim, (normEps * keyDim) / heads);
      if (!isFirst) work.rmsNorm(v, vNorm, v, batch, valueDim, normEps);
      rotate(isFirst);
      retain(own.kv);
      for (let row = 0; row < batch; row++) {
        const [from, gate] = [o + 4 * row * valueDim, raw + 4 * (2 * row + 1) * valueDim];
        work.rmsNorm(from, groupNorm, from, heads, size, normEps, { gate });
      }
      toOut.run(o, hidden, batch, { add: true });
    };
  };
}
