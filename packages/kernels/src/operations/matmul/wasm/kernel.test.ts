import { mulberry32 } from '@densessm/ssm-core/internal';
import { expectClose, sampleTensor } from '@densessm/testing';
import { dispose, setBackend, matMul as tfMatMul } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { matMul } from '../kernel';

interface Product {
  m: number;
  k: number;
  n: number;
  batch?: number;
}

/** Both sides of every limit in assembly.ts: 4 rows, tiles of 4 by 8, blocks of 128 rows, 1024 columns and 256 steps. */
const products: Product[] = [
  { m: 1, k: 300, n: 1 },
  { m: 67, k: 19, n: 1 },
  { m: 1, k: 19, n: 1030 },
  { m: 4, k: 18, n: 21 },
  { m: 5, k: 1, n: 8 },
  { m: 6, k: 3, n: 9 },
  { m: 7, k: 5, n: 2 },
  { m: 8, k: 16, n: 7 },
  { m: 9, k: 257, n: 12 },
  { m: 131, k: 33, n: 15 },
  { m: 5, k: 6, n: 1037 },
  { m: 3, k: 2, n: 4, batch: 3 },
  { m: 10, k: 9, n: 11, batch: 2 },
];
const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

describe('matMul on wasm', () => {
  it.each(products)('multiplies in every form: $batch × [$m, $k] × [$k, $n]', async ({ m, k, n, batch = 1 }) => {
    const random = mulberry32(m * 7919 + k * 31 + n);
    for (const [transposeA, transposeB] of transposes) {
      await setBackend('cpu');
      const a = sampleTensor({ shape: [batch, ...(transposeA ? [k, m] : [m, k])] }, random);
      const b = sampleTensor({ shape: [batch, ...(transposeB ? [n, k] : [k, n])] }, random);
      const want = tfMatMul(a, b, transposeA, transposeB);
      await setBackend('wasm');
      const got = matMul({ a, b }, { transposeA, transposeB });
      await expectClose(`${transposeA ? 'aᵀ' : 'a'} ${transposeB ? 'bᵀ' : 'b'}`, want, got, 1e-5, 1e-2); // up to 300 float32 additions
      dispose([a, b, want, got]);
    }
  });

  it.each([
    { a: [3, 0], b: [0, 5], shape: [3, 5] },
    { a: [9, 0], b: [0, 5], shape: [9, 5] },
    { a: [0, 4], b: [4, 5], shape: [0, 5] },
    { a: [0, 2, 4], b: [0, 4, 5], shape: [0, 2, 5] },
  ])('gives zeros for an empty sum and nothing for an empty product: $a × $b', async ({ a, b, shape }) => {
    await setBackend('wasm');
    const inputs = { a: sampleTensor({ shape: a }, Math.random), b: sampleTensor({ shape: b }, Math.random) };
    const dirty = sampleTensor({ shape: [64], value: () => 7 }, Math.random);
    dirty.dispose(); // so that the output is likely to lie where something was
    const got = matMul(inputs);
    expect(got.shape).toEqual(shape);
    expect([...(await got.data())].every((value) => value === 0)).toBe(true);
    dispose([inputs.a, inputs.b, got]);
  });
});
