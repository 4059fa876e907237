import { defineKernel, type Kernel, SsmError } from '@densessm/ssm-core';
import { add, mean, mul, reshape, rsqrt, square, sub, sum, type Tensor, type Tensor1D, tidy } from '@tensorflow/tfjs-core';
import { silu } from '../activations/activations';
import { siluSlope } from '../activations/silu';

export interface RmsNormInputs<X extends Tensor = Tensor> {
  /** [..., D] */
  x: X;
  /** [D] */
  weight?: Tensor1D;
  /** As x. */
  gate?: X;
}
export interface RmsNormAttrs {
  /** Added to the mean square. */
  eps: number;
  /** Values that share one mean; 0 for the whole last axis. */
  groupSize: number;
  /** With a gate: norm(x) w silu(gate) if true, norm(x silu(gate)) w if not. */
  normBeforeGate: boolean;
}

/** The output has the rank of x. */
interface RmsNormKernel extends Kernel<RmsNormInputs, Tensor, RmsNormAttrs> {
  <X extends Tensor>(inputs: RmsNormInputs<X>, attrs?: Partial<RmsNormAttrs>): X;
}

/**
 * Root mean square norm: Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4. x [..., D] → [..., D].
 * y = w x / √(mean(x²) + eps), the mean over the last axis or groups of it; the gated forms are Mamba-2's (arXiv:2405.21060, §7.1).
 * @throws SsmError SHAPE, DTYPE, or OPTION where groupSize does not divide D.
 */
export const rmsNorm: RmsNormKernel = /* @__PURE__ */ defineKernel<RmsNormInputs, Tensor, RmsNormAttrs>({
  name: 'SsmRmsNorm',
  inputs: { x: ['...', 'D'], weight: { dims: ['D'], optional: true }, gate: { dims: ['...', 'D'], optional: true } },
  mend: 'weight has the size of the last axis of x, and gate the shape of x',
  attrs: { eps: 1e-6, groupSize: 0, normBeforeGate: false },
  check: ({ x }, { groupSize }) => checkGroups(x.shape.at(-1) as number, groupSize),
  reference: (inputs, attrs) =>
    tidy(() => {
      const { weight, gate } = inputs;
      const { n } = normalised(inputs, attrs);
      const y = weight ? mul(n, weight) : n;
      return gate && attrs.normBeforeGate ? mul(y, silu(gate)) : y;
    }),
  backward: (dy, inputs, _, attrs) => {
    const { x, weight, gate } = inputs;
    const outside = gate !== undefined && attrs.normBeforeGate;
    // with s = silu(gate): y = w n s, so dn = dy w s and dw = Σ dy n s
    const beforeWeight = () => (outside ? mul(dy, silu(gate)) : dy);
    // n = a r with r = (mean a² + eps)^-½, so da = r (dn − n mean(dn n)); a = x, or x s with the gate inside
    const da = () => {
      const { n, r, grouped } = normalised(inputs, attrs);
      const dn = weight ? mul(beforeWeight(), weight) : beforeWeight();
      const [dnGroups, nGroups] = [reshape(dn, grouped), reshape(n, grouped)];
      const along = mean(mul(dnGroups, nGroups), -1, true);
      return reshape(mul(r, sub(dnGroups, mul(nGroups, along))), x.shape);
    };
    return {
      x: () => tidy(() => (gate && !outside ? mul(da(), silu(gate)) : da())),
      weight: () => tidy(() => sum(reshape(mul(beforeWeight(), normalised(inputs, attrs).n), [-1, x.shape.at(-1) as number]), 0)),
      gate: () =>
        tidy(() => {
          const slope = siluSlope(gate as Tensor);
          if (!outside) return mul(mul(da(), x), slope);
          const { n } = normalised(inputs, attrs);
          return mul(mul(dy, weight ? mul(n, weight) : n), slope);
        }),
    };
  },
}) as RmsNormKernel;

/** n = a r of the shape of x, and r [..., groups, 1] with the grouped shape [..., groups, groupSize] of a. */
function normalised({ x, gate }: RmsNormInputs, { eps, groupSize, normBeforeGate }: RmsNormAttrs) {
  const width = x.shape.at(-1) as number;
  const size = groupSize || width;
  const grouped = [...x.shape.slice(0, -1), width / size, size];
  const a = reshape(gate && !normBeforeGate ? mul(x, silu(gate)) : x, grouped);
  const r = rsqrt(add(mean(square(a), -1, true), eps));
  return { n: reshape(mul(a, r), x.shape), r, grouped };
}

function checkGroups(width: number, groupSize: number): void {
  if (Number.isInteger(groupSize) && groupSize >= 0 && (groupSize === 0 || width % groupSize === 0)) return;
  throw new SsmError({
    code: 'OPTION',
    what: 'SsmRmsNorm: `groupSize` does not cut the last axis into groups.',
    expected: `a divisor of ${width}, or 0 for all of it`,
    got: String(groupSize),
    mend: 'use the inner size divided by the number of groups',
  });
}
