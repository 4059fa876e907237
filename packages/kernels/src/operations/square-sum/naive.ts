import { type Naive, NumberGrid } from '../../checks/number-grid';

/** Σ x². */
export const squareSumNaive: Naive<{ x: unknown }, object> = ({ x }) => [
  new NumberGrid([], [x.values.reduce((sum, value) => sum + value ** 2, 0)]),
];
