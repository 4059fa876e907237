import { wasmKernel } from '../../../backends/wasm/wasm-kernel';
import { wasmVersion } from '../../../backends/wasm/wasm-version';
import { matMul } from '../kernel';

/** c = a b, or c += a b with `add`. */
export const product = wasmKernel(
  'matMul',
  {
    a: 'tensor',
    b: 'tensor',
    c: 'tensor',
    batch: 'i32',
    m: 'i32',
    k: 'i32',
    n: 'i32',
    transposeA: 'bool',
    transposeB: 'bool',
    add: 'bool',
  },
  { blocks: ['matMulBlocks', 'batch', 'm', 'k', 'n'], scratch: ['matMulScratchBytes', 'm', 'k', 'n'] },
);

export const matMulOnWasm = [
  wasmVersion(matMul, [product], (runtime, { a, b }, { transposeA, transposeB }) => {
    const leading = a.shape.slice(0, -2);
    const [rowsA, columnsA, rowsB, columnsB] = [...a.shape.slice(-2), ...b.shape.slice(-2)] as [number, number, number, number];
    const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
    const n = transposeB ? rowsB : columnsB;
    const c = runtime.heap.output([...leading, m, n]);
    const batch = leading.reduce((count, size) => count * size, 1);
    if (batch * m * n > 0) runtime.run(product, { a, b, c, batch, m, k, n, transposeA, transposeB, add: false });
    return c;
  }),
];
