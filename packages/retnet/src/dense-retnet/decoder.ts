/** DenseRetNet for one token: the equations of gau.ts as the steps of a decode program. Letters as in ../decoder.ts. */

import { packedOf, type Slot } from '@densessm/kernels/decode';
import type { Tensor1D } from '@tensorflow/tfjs-core';
import { type DecoderFamily, type RecordLayer, recordedFusion, type Shared } from '../decoder';
import type { DenseRetNetConfig } from './config';
import type { DenseRetNetParams } from './spec';

/**
 * What is shown of k lacks its factor K^−½. Layer 0, which has no norm, gets it with the rotation; in others it would pass the norm and
 * show in its eps alone, which is larger by as much: c k / √(c² mean(k²) + eps) = k / √(mean(k²) + eps / c²).
 */
function layers(shared: Shared, c: DenseRetNetConfig): RecordLayer<DenseRetNetParams['layers'][number]> {
  const { program, hidden, x, q, k, v, o, norm, rotate, retain, product } = shared;
  const { keyDim, valueDim, numHeads: heads, normEps } = c;
  /** v and the output gate side by side, before their SiLU. */
  const raw = program.zeros(program.batch * 2 * valueDim);
  const gate = { x: raw.at(valueDim), stride: 2 * valueDim };
  const normOfHeads = { x: o, y: o, width: valueDim, groupSize: valueDim / heads, eps: normEps, gate };

  /** The gain of one head for all of them, [H V]. */
  const ofAllHeads = async (gain: Tensor1D): Promise<Slot> => {
    const values = (await gain.data()) as Float32Array;
    return program.constant(Float32Array.from({ length: valueDim }, (_, i) => values[i % values.length] as number));
  };

  return async ({ inputNorm, attention }, own, sources) => {
    const isFirst = own.index === 0;
    const { first, fuse } = recordedFusion(shared, [attention.kSelect, attention.vSelect], c, own, sources);
    norm(hidden, await program.constantOf(inputNorm), x);
    program.products([
      { ...product(attention.qProj, q), activation: 'silu' },
      { ...product(attention.kProj, own.k), activation: 'silu' },
      product(attention.toHidden, raw),
      ...first,
    ]);
    program.silu({ x: raw, stride: 2 * valueDim, y: own.v, size: valueDim });
    fuse();
    if (!isFirst) {
      program.rmsNorm({ x: k, weight: await program.constantOf(attention.kNorm), y: k, width: keyDim, eps: (normEps * keyDim) / heads });
      program.rmsNorm({ x: v, weight: await program.constantOf(attention.vNorm), y: v, width: valueDim, eps: normEps });
    }
    rotate(isFirst);
    retain(own.kv);
    program.rmsNorm({ ...normOfHeads, weight: await ofAllHeads(attention.groupNorm) });
    program.products([{ matrix: packedOf(program, attention.toOut), x: o, y: hidden, add: true }]);
  };
}

export const denseRetNetDecoderFamily: DecoderFamily<DenseRetNetParams, DenseRetNetConfig> = { layers };
