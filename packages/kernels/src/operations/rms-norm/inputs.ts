import { SsmError } from '@densessm/ssm-core';
import { add, mean, mul, reshape, rsqrt, square, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core';
import { silu } from '../activations/activations';

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

/** What the norm and its gradient both take. */
export const normInputs = {
  x: ['...', 'D'],
  weight: { dims: ['D'], optional: true },
  gate: { dims: ['...', 'D'], optional: true },
} as const;
export const normAttrs: RmsNormAttrs = { eps: 1e-6, groupSize: 0, normBeforeGate: false };
export const FIX = 'weight has the size of the last axis of x, and gate the shape of x';

/** n = a r of the shape of x, and r [..., groups, 1] with the grouped shape [..., groups, groupSize] of a. */
export function normalized({ x, gate }: RmsNormInputs, { eps, groupSize, normBeforeGate }: RmsNormAttrs) {
  const width = x.shape.at(-1) as number;
  const size = groupSize || width;
  const grouped = [...x.shape.slice(0, -1), width / size, size];
  const a = reshape(gate && !normBeforeGate ? mul(x, silu(gate)) : x, grouped);
  const r = rsqrt(add(mean(square(a), -1, true), eps));
  return { n: reshape(mul(a, r), x.shape), r, grouped };
}

/** @throws SsmError OPTION where groupSize does not divide D. */
export function checkGroups(where: string, { x }: RmsNormInputs, { groupSize }: RmsNormAttrs): void {
  const width = x.shape.at(-1) as number;
  if (Number.isInteger(groupSize) && groupSize >= 0 && (groupSize === 0 || width % groupSize === 0)) return;
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: \`groupSize\` does not cut the last axis into groups.`,
    expected: `a divisor of ${width}, or 0 for all of it`,
    got: String(groupSize),
    fix: 'use the inner size divided by the number of groups',
  });
}
