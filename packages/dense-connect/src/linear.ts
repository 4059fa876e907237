import { matMul } from '@densessm/kernels';
import { mul, reshape, sigmoid, type Tensor2D, type Tensor3D } from '@tensorflow/tfjs-core';

/** x Wᵀ. x [B, T, in], w [out, in] → [B, T, out]. */
export function linear({ x, w }: { x: Tensor3D; w: Tensor2D }): Tensor3D {
  const [batch, length, width] = x.shape;
  const y = matMul({ a: reshape(x, [batch * length, width]), b: w }, { transposeB: true });
  return reshape(y, [batch, length, w.shape[0]]);
}

export const silu = (x: Tensor3D): Tensor3D => mul(x, sigmoid(x));
