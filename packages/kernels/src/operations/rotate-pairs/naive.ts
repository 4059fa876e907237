import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { RotatePairsAttrs, RotatePairsInputs } from './kernel';

/** (a, b) → (a cos − b sin, b cos + a sin), with −sin where it turns back. */
export const rotatePairsNaive: Naive<RotatePairsInputs, RotatePairsAttrs> = ({ x, cos, sin }, { back }) => {
  const [length, heads, keys] = [x.size(1), x.size(2), x.size(3)];
  const value = (values: ArrayLike<number>, at: number): number => values[at] as number;
  const rotated = x.values.map((own, i) => {
    const k = i % keys;
    const angle = (Math.floor(i / (heads * keys)) % length) * keys + k;
    return own * value(cos.values, angle) + (back ? -1 : 1) * value(x.values, i ^ 1) * value(sin.values, angle);
  });
  return [new NumberGrid(x.shape, rotated)];
};
