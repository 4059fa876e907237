import { mulberry32 } from '@densessm/ssm-core/internal';
import { distance } from '@densessm/testing';
import { cast, mean, memory, setBackend, sum, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';

const random = mulberry32(1);
const shape = [3, 5, 7, 6];
const values = Float32Array.from({ length: 630 }, () => 2 * random() - 0.9);

/** Sums in float64 by the definition. */
function exactly(axes: number[]): number[] {
  const sums = new Map<string, number>();
  for (const [i, value] of values.entries()) {
    const place = shape.map((size, axis) => Math.floor(i / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % size);
    const key = place.filter((_, axis) => !axes.includes(axis)).join();
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return [...sums.values()];
}

describe('sums on wasm', () => {
  beforeEach(() => setBackend('wasm'));

  it.each([[[3]], [[2, 3]], [[0]], [[0, 1]], [[1]], [[1, 2]], [[0, 1, 2, 3]], [[0, 2]], [[1, 3]], [[2]]])(
    'are the definition along axes %j',
    async (axes) => {
      const x = tensor(values, shape);
      const before = memory().numTensors;
      const want = exactly(axes);
      const count = 630 / want.length;
      // one rounding of a sum of values up to 1.1: 2⁻²⁴ of it; the axes that tfjs itself adds in float32 need more
      const room = axes.length > 1 && (axes[1] as number) - (axes[0] as number) > 1 ? 1e-6 : 1e-7;
      const got = sum(x, axes);
      expect(distance(want, await got.data()).relativeRms).toBeLessThan(room);
      const averages = mean(x, axes, true);
      expect(averages.shape).toEqual(shape.map((size, axis) => (axes.includes(axis) ? 1 : size)));
      expect(
        distance(
          want.map((one) => one / count),
          await averages.data(),
        ).relativeRms,
      ).toBeLessThan(room);
      for (const used of [got, averages]) used.dispose();
      expect(memory().numTensors).toBe(before);
      x.dispose();
    },
  );

  it.each([[[1, 4099]], [[4099, 1]], [[3, 4099]], [[4099, 3]]])('stay exact over thousands of values, shape %j', async (size) => {
    const x = tensor(
      Float32Array.from({ length: (size[0] as number) * (size[1] as number) }, (_, i) => 1 + (i % 3) * 2 ** -20),
      size,
    );
    const along = size[0] === 4099 ? 0 : 1;
    const rows = size[1 - along] as number;
    const want = Array.from({ length: rows }, (_, r) => {
      let total = 0;
      for (let i = 0; i < 4099; i++) total += 1 + ((along === 1 ? r * 4099 + i : i * rows + r) % 3) * 2 ** -20;
      return total;
    });
    expect([...(await sum(x, along).data())]).toEqual(want.map(Math.fround));
  });

  it('pass on what is not finite, and leave integers and empty tensors to tfjs', async () => {
    const x = tensor([1, Number.NaN, 2, Infinity, 1, 1, -Infinity, Infinity, 0], [3, 3]);
    expect([...(await sum(x, 1).data())]).toEqual([Number.NaN, Infinity, Number.NaN]);
    expect([
      ...(await sum(
        cast(
          tensor([
            [1, 2],
            [3, 4],
          ]),
          'int32',
        ) as Tensor,
        1,
      ).data()),
    ]).toEqual([3, 7]);
    expect([...(await sum(tensor([], [2, 0]), 1).data())]).toEqual([0, 0]);
  });
});
