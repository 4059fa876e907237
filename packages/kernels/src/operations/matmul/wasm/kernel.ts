import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Machine } from '../../../backends/wasm/machine';
import type { MatMulAttrs, MatMulInputs } from '../kernel';

/** Exports of assembly.ts. */
export interface MatMulModule {
  matMulBlocks(batch: number, m: number, k: number, n: number): number;
  matMulScratchBytes(m: number, k: number, n: number): number;
  /** a, b, c, batch, m, k, n, transposeA, transposeB, add, block, scratch */
  matMul(...addressesAndSizes: number[]): void;
}

/** C = A B, or C += A B: addresses of the three, and their sizes. */
export interface Product extends Partial<MatMulAttrs> {
  addresses: readonly [a: number, b: number, c: number];
  sizes: readonly [m: number, k: number, n: number];
  batch?: number;
  add?: boolean;
}

export function multiply(
  { module, run }: Machine<MatMulModule>,
  { addresses, sizes, batch = 1, transposeA = false, transposeB = false, add = false }: Product,
): void {
  const forms = [transposeA, transposeB, add].map(Number);
  run('matMul', module.matMulBlocks(batch, ...sizes), module.matMulScratchBytes(...sizes) >>> 0, ...addresses, batch, ...sizes, ...forms);
}

export const matMulOnWasm =
  (machine: Machine<MatMulModule>) =>
  ({ a, b }: MatMulInputs, { transposeA, transposeB }: MatMulAttrs): TensorInfo => {
    const { heap } = machine;
    const leading = a.shape.slice(0, -2);
    const [rowsA, columnsA, rowsB, columnsB] = [...a.shape.slice(-2), ...b.shape.slice(-2)] as [number, number, number, number];
    const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
    const n = transposeB ? rowsB : columnsB;
    const output = heap.output([...leading, m, n]);
    const batch = leading.reduce((product, size) => product * size, 1);
    if (batch * m * n === 0) return output;
    const addresses = [heap.address(a), heap.address(b), heap.address(output)] as const;
    multiply(machine, { addresses, sizes: [m, k, n], batch, transposeA, transposeB });
    return output;
  };
