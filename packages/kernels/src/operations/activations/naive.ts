import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { ActivationInputs } from './silu';
import type { SiluGateInputs } from './silu-gate';

const silu = (x: number): number => x / (1 + Math.exp(-x));

/** x σ(x). */
export const siluNaive: Naive<ActivationInputs, object> = ({ x }) => [new NumberGrid(x.shape, x.values.map(silu))];

/** ln(1 + eˣ). */
export const softplusNaive: Naive<ActivationInputs, object> = ({ x }) => [
  new NumberGrid(
    x.shape,
    x.values.map((value) => Math.log1p(Math.exp(value))),
  ),
];

/** silu(gate) x + addend. */
export const siluGateNaive: Naive<SiluGateInputs, object> = ({ x, gate, addend }) => [
  new NumberGrid(
    x.shape,
    x.values.map((value, i) => silu(gate.values[i] as number) * value + (addend?.values[i] ?? 0)),
  ),
];
