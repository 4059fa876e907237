import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Heap } from '../wasm/heap';
import type { MatMulAttrs, MatMulInputs } from './kernel';

/** Exports of assembly.ts. */
export interface MatMulModule {
  matMulScratchBytes(m: number, k: number, n: number): number;
  matMul(
    a: number,
    b: number,
    c: number,
    batch: number,
    m: number,
    k: number,
    n: number,
    transposeA: number,
    transposeB: number,
    scratch: number,
  ): void;
}

export const matMulOnWasm =
  (heap: Heap, module: MatMulModule) =>
  ({ a, b }: MatMulInputs, { transposeA, transposeB }: MatMulAttrs): TensorInfo => {
    const leading = a.shape.slice(0, -2);
    const [rowsA, columnsA, rowsB, columnsB] = [...a.shape.slice(-2), ...b.shape.slice(-2)] as [number, number, number, number];
    const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
    const n = transposeB ? rowsB : columnsB;
    const output = heap.output([...leading, m, n]);
    const batch = leading.reduce((product, size) => product * size, 1);
    if (batch * m * n === 0) return output;
    const scratch = heap.scratch(module.matMulScratchBytes(m, k, n) >>> 0);
    const [atA, atB, atC] = [heap.address(a), heap.address(b), heap.address(output)];
    module.matMul(atA, atB, atC, batch, m, k, n, Number(transposeA), Number(transposeB), scratch);
    return output;
  };
