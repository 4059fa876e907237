import { defineKernel, type Kernel } from '@densessm/ssm-core';
import { add, concat, dispose, exp, mul, reshape, sub, sum, type Tensor, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { selectiveScanGrad } from './gradient';
import { checkScan, FIX, type SelectiveScanAttrs, type SelectiveScanInputs, scanAttrs, scanInputs, sizesOf } from './inputs';
import { rowsOfA, rowsOfState, segmentInputs, segmentsOf, stateOfRows } from './reference/layout';
import { scanSegment } from './reference/segment';

/** y [B, T, E] and the state after the last token, hT [B, E, N]. */
export type SelectiveScanOutputs = [y: Tensor3D, hT: Tensor3D];

/**
 * The selective state space scan: Gu and Dao 2023, "Mamba", arXiv:2312.00752, eq. 2 with eq. 4's A and the Euler step for B that
 * the authors' code uses (§3.6, Alg. 2):
 *   h_t = exp(delta_t A) h_(t−1) + delta_t B_t u_t,   y_t = C_t h_t + D u_t,   h_(−1) = h0.
 * Where `documentStarts` is 1, h_(t−1) counts as zero. Nothing of size [B, T, E, N] is kept between forward and backward.
 * @throws SsmError SHAPE, DTYPE or OPTION
 */
export const selectiveScan: Kernel<SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanAttrs> = /* @__PURE__ */ defineKernel<
  SelectiveScanInputs,
  SelectiveScanOutputs,
  SelectiveScanAttrs
>({
  name: 'SsmSelectiveScan',
  inputs: scanInputs,
  fix: FIX,
  attrs: scanAttrs,
  check: (inputs, attrs) => checkScan('SsmSelectiveScan', inputs, attrs),
  reference: (inputs, attrs) => (inputs.u.shape[1] === 1 ? step(inputs) : scan(inputs, attrs)),
  backward: ([dy, dhT], inputs, _, attrs) => {
    const [u, delta, A, B, C, h0, D] = selectiveScanGrad({ ...inputs, dy, dhT }, attrs);
    return {
      u: () => u,
      delta: () => delta,
      A: () => A,
      B: () => B,
      C: () => C,
      D: () => D,
      h0: () => h0,
    };
  },
});

/** T = 1, as when decoding: the recurrence once, in the layout in which the state is carried. */
function step(inputs: SelectiveScanInputs): SelectiveScanOutputs {
  const { u, delta, A, B, C, D, h0, documentStarts } = inputs;
  const { B: batch, E, N, G } = sizesOf(inputs);
  const grouped = [batch, G, E / G, N];
  return tidy(() => {
    const column = (x: Tensor) => reshape(x, [batch, G, E / G, 1]);
    const row = (x: Tensor) => reshape(x, [batch, G, 1, N]);
    const driven = mul(column(mul(delta, u)), row(B));
    const before = h0 && (documentStarts ? mul(h0, sub(1, reshape(documentStarts, [batch, 1, 1]))) : h0);
    const decayed = before && mul(exp(mul(column(delta), reshape(A, [1, G, E / G, N]))), reshape(before, grouped));
    const h = decayed ? add(decayed, driven) : driven;
    const read: Tensor3D = reshape(sum(mul(h, row(C)), -1), [batch, 1, E]);
    return [D ? add(read, mul(D, u)) : read, reshape(h, [batch, E, N])];
  });
}

/** T > 1: segment by segment, each in two levels. */
function scan(inputs: SelectiveScanInputs, { stateValues }: SelectiveScanAttrs): SelectiveScanOutputs {
  const { u, D } = inputs;
  const sizes = sizesOf(inputs);
  return tidy(() => {
    const A = rowsOfA(inputs.A, sizes);
    let state = rowsOfState(inputs.h0, sizes);
    const parts: Tensor3D[] = [];
    for (const segment of segmentsOf(sizes, stateValues)) {
      const [y, end] = tidy(() => scanSegment(segmentInputs(inputs, segment, sizes), segment, A, state, sizes.B));
      parts.push(y);
      dispose(state);
      state = end;
    }
    const read = concat(parts, 1);
    return [D ? add(read, mul(D, u)) : read, stateOfRows(state, sizes)];
  });
}
