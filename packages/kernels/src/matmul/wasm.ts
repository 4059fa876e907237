import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../wasm/machine';
import type { MatMulAttrs, MatMulInputs } from './kernel';

/** Exports of assembly.ts. */
export interface MatMulModule {
  matMulBlocks(batch: number, m: number, k: number, n: number): number;
  matMulScratchBytes(m: number, k: number, n: number): number;
  /** a, b, c, batch, m, k, n, transposeA, transposeB, block, scratch */
  matMul(...addressesAndSizes: number[]): void;
}

export const matMulOnWasm =
  ({ heap, module, run }: Machine<MatMulModule>) =>
  ({ a, b }: MatMulInputs, { transposeA, transposeB }: MatMulAttrs): TensorInfo => {
    const leading = a.shape.slice(0, -2);
    const [rowsA, columnsA, rowsB, columnsB] = [...a.shape.slice(-2), ...b.shape.slice(-2)] as [number, number, number, number];
    const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
    const n = transposeB ? rowsB : columnsB;
    const output = heap.output([...leading, m, n]);
    const batch = leading.reduce((product, size) => product * size, 1);
    if (batch * m * n === 0) return output;
    const addresses = [a, b, output].map((tensor) => heap.address(tensor));
    const blocks = module.matMulBlocks(batch, m, k, n);
    run('matMul', blocks, module.matMulScratchBytes(m, k, n) >>> 0, ...addresses, batch, m, k, n, Number(transposeA), Number(transposeB));
    return output;
  };
