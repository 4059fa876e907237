/** DenseRetNet for one token: the equations of gau.ts on packed weights, without tfjs. Letters as in ../decoder.ts. */
import type { Decoder, DecoderOptions } from '@densessm/ssm-core';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { type PackLayer, packFusion, retentionDecoder, type Shared } from '../decoder';
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

  return async ({ inputNorm, attention }, own, sources) => {
    const isFirst = own.index === 0;
    const product = async (matrix: Tensor2D, y: number) => ({ matrix: await work.matrix(matrix, { type }), x, y });
    const { first, fuse } = await packFusion(shared, [attention.kSelect, attention.vSelect], c, own, sources);
    norm(hidden, await work.copyOf(inputNorm), x);
    const [forQ, forK, forV] = [
      { ...(await product(attention.qProj, q)), activation: 'silu' as const },
      { ...(await product(attention.kProj, own.k)), activation: 'silu' as const },
      await product(attention.toHidden, raw),
    ];
    work.products(batch, [forQ, forK, forV, ...first]);
    work.siluRows(raw, 2 * valueDim, own.v, batch, valueDim);
    fuse();
    if (!isFirst) work.rmsNorm(k, await work.copyOf(attention.kNorm), k, batch, keyDim, (normEps * keyDim) / heads);
    if (!isFirst) work.rmsNorm(v, await work.copyOf(attention.vNorm), v, batch, valueDim, normEps);
    rotate(isFirst);
    retain(own.kv);
    const gain = await work.copyOf(attention.groupNorm);
    for (let row = 0; row < batch; row++) {
      const [from, gate] = [o + 4 * row * valueDim, raw + 4 * (2 * row + 1) * valueDim];
      work.rmsNorm(from, gain, from, heads, valueDim / heads, normEps, { gate });
    }
    work.products(batch, [{ matrix: await work.matrix(attention.toOut, { type }), x: o, y: hidden, add: true }]);
  };
}
