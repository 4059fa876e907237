import { type Naive, NumberGrid } from '../../checks/number-grid';
import type { MatMulAttrs, MatMulInputs } from './kernel';

/** c_ij = Σ_k a_ik b_kj in each batch. */
export const matMulNaive: Naive<MatMulInputs, MatMulAttrs> = ({ a, b }, { transposeA, transposeB }) => {
  const batch = a.shape.slice(0, -2).reduce((count, size) => count * size, 1);
  const as3 = (x: NumberGrid): NumberGrid => new NumberGrid([batch, x.size(-2), x.size(-1)], x.values);
  const [left, right] = [as3(a), as3(b)];
  const [rows, inner] = transposeA ? [a.size(-1), a.size(-2)] : [a.size(-2), a.size(-1)];
  const columns = b.size(transposeB ? -2 : -1);
  const c = new NumberGrid([batch, rows, columns]);
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (let k = 0; k < inner; k++)
          c.add((transposeA ? left.at(n, k, i) : left.at(n, i, k)) * (transposeB ? right.at(n, j, k) : right.at(n, k, j)), n, i, j);
  return [c];
};
