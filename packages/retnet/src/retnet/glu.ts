/** Gated linear unit: Shazeer 2020, "GLU Variants Improve Transformer", arXiv:2002.05202, eq. 6, as torchscale's GLU. */
import { gelu, linear, silu } from '@densessm/kernels';
import { mul, relu, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import type { RetNetConfig } from './config';

const activations: Readonly<Record<RetNetConfig['activation'], (x: Tensor3D) => Tensor3D>> = { gelu, swish: silu, relu };

export interface GluParams {
  fc1: Tensor2D;
  gate: Tensor2D;
  fc2: Tensor2D;
}

/** fc2 (act(fc1 x) ⊙ gate x). [B, T, D] → [B, T, D]. */
export function glu({ fc1, gate, fc2 }: GluParams, activation: RetNetConfig['activation'], x: Tensor3D): Tensor3D {
  return tidy(() => {
    const act = activations[activation];
    return linear({ x: mul(act(linear({ x, w: fc1 })), linear({ x, w: gate })), w: fc2 });
  });
}
