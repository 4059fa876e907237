import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { type Tensor, cumsum as tfCumsum, transpose } from '@tensorflow/tfjs-core';

export interface CumsumAttrs {
  /** May be negative, counted from the end. */
  axis: number;
  exclusive: boolean;
  /** Sum from the end. */
  reverse: boolean;
}

/** Running sum along any axis. tfjs's own has a wrong gradient off the last axis, silently so when sizes are equal. */
export const cumsum: Kernel<{ x: Tensor }, Tensor, CumsumAttrs> = /* @__PURE__ */ defineKernel<{ x: Tensor }, Tensor, CumsumAttrs>({
  name: 'SsmCumsum',
  inputs: { x: ['...', 'n'] },
  fix: 'x needs at least one axis',
  attrs: { axis: -1, exclusive: false, reverse: false },
  reference: ({ x }, { axis, exclusive, reverse }) => {
    const last = x.rank - 1;
    const along = axis < 0 ? axis + x.rank : axis;
    if (along === last) return tfCumsum(x, last, exclusive, reverse);
    const swap = Array.from({ length: x.rank }, (_, i) => (i === along ? last : i === last ? along : i));
    return transpose(tfCumsum(transpose(x, swap), last, exclusive, reverse), swap);
  },
  // y_i = Σ_{j≤i} x_j, so dx_j = Σ_{i≥j} dy_i: the same sum from the other end
  backward: (dy, _, __, attrs) => ({ x: () => cumsum({ x: dy }, { ...attrs, reverse: !attrs.reverse }) }),
});
