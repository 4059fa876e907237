import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { add, clone, mul, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { siluKernel, siluSlope } from './silu';

export interface SiluGateInputs<X extends Tensor = Tensor> {
  /** Any shape. */
  x: X;
  /** Before its SiLU, as x. */
  gate: Tensor;
  /** As x. */
  addend?: Tensor;
}

export interface SiluGateGradInputs extends Omit<SiluGateInputs, 'addend'> {
  /** Gradient of the output, as x. */
  dy: Tensor;
}

const FIX = 'x, gate, addend and the gradient dy have one shape';

interface SiluGateKernel extends Kernel<SiluGateInputs, Tensor> {
  <X extends Tensor>(inputs: SiluGateInputs<X>): X;
}

/** silu(gate) ⊙ x + addend as one operation, which keeps no silu(gate). Nothing is added without an addend. Any shape. @throws SsmError SHAPE or DTYPE */
export const siluGate: SiluGateKernel = /* @__PURE__ */ defineKernel<SiluGateInputs, Tensor>({
  name: 'SsmSiluGate',
  inputs: { x: ['...'], gate: ['...'], addend: { dims: ['...'], optional: true } },
  fix: FIX,
  attrs: {},
  reference: ({ x, gate, addend }) =>
    tidy(() => {
      const gated = mul(siluKernel({ x: gate }), x);
      return addend ? add(gated, addend) : gated;
    }),
  backward: (dy, { x, gate }) => {
    const [dx, dGate] = siluGateGrad({ x, gate, dy }) as [Tensor, Tensor];
    return { x: () => dx, gate: () => dGate, addend: () => clone(dy) };
  },
}) as SiluGateKernel;

/** dx = dy ⊙ silu(gate) and dGate = dy ⊙ x ⊙ silu′(gate). */
export const siluGateGrad: Kernel<SiluGateGradInputs, Tensor[]> = /* @__PURE__ */ defineKernel<SiluGateGradInputs, Tensor[]>({
  name: 'SsmSiluGateGrad',
  inputs: { x: ['...'], gate: ['...'], dy: ['...'] },
  fix: FIX,
  attrs: {},
  reference: ({ x, gate, dy }) => tidy(() => [mul(dy, siluKernel({ x: gate })), mul(mul(dy, x), siluSlope(gate))]),
});
