import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { RmsNormAttrs, RmsNormInputs } from './inputs';

/**
 * Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4: y = w a / √(mean(a²) + eps) over a group of the last axis, with a = x or x silu(gate);
 * a gate outside multiplies y. Letters: m row, i place in it.
 */
export const rmsNormNaive: Naive<RmsNormInputs, RmsNormAttrs> = (inputs, { eps, groupSize, normBeforeGate }) => {
  const { weight, gate } = inputs;
  const x = inputs.x.rows();
  const [rows, width] = [x.size(0), x.size(1)];
  const size = groupSize || width;
  const gates = gate?.rows();
  const siluOfGate = (m: number, i: number): number => (gates ? gates.at(m, i) / (1 + Math.exp(-gates.at(m, i))) : 1);
  const y = new NumberGrid(inputs.x.shape);
  for (let m = 0; m < rows; m++)
    for (let first = 0; first < width; first += size) {
      const a = (i: number): number => x.at(m, i) * (normBeforeGate ? 1 : siluOfGate(m, i));
      let squares = 0;
      for (let i = first; i < first + size; i++) squares += a(i) ** 2;
      const root = Math.sqrt(squares / size + eps);
      for (let i = first; i < first + size; i++)
        y.values[m * width + i] = ((weight?.at(i) ?? 1) * a(i) * (normBeforeGate ? siluOfGate(m, i) : 1)) / root;
    }
  return [y];
};
