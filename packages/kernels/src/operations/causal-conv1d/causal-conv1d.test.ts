import { SsmError } from '@densessm/ssm-core';
import { describeKernelChecks } from '@densessm/testing';
import { concat, dispose, setBackend, slice, type Tensor3D, tensor2d, tensor3d, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { causalConv1dChecks } from './checks';
import { causalConv1d } from './kernel';

describeKernelChecks(causalConv1dChecks);

describe.each(['cpu', 'wasm'])('causalConv1d on %s', (backend) => {
  it('sums the newest input with the last column', async () => {
    await setBackend(backend);
    const [y, tail] = causalConv1d({ x: tensor3d([[[1], [10], [100]]]), w: tensor2d([[2, 3]]), tail: tensor3d([[[5]]]) });
    expect([...(await y.data())]).toEqual([2 * 5 + 3 * 1, 2 * 1 + 3 * 10, 2 * 10 + 3 * 100]);
    expect([...(await tail.data())]).toEqual([100]);
  });

  it('gives the same in pieces, to the last bit', async () => {
    await setBackend(backend);
    const x = tensor3d(
      Float32Array.from({ length: 2 * 11 * 3 }, (_, i) => Math.sin(i)),
      [2, 11, 3],
    );
    const w = tensor2d(
      Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)),
      [3, 4],
    );
    const [whole, last] = causalConv1d({ x, w }, { activation: 'silu' });
    let tail: Tensor3D | undefined;
    const parts: Tensor3D[] = [];
    for (const [start, length] of [
      [0, 1],
      [1, 2],
      [3, 7],
      [10, 1],
    ] as const) {
      const [y, next] = causalConv1d({ x: slice(x, [0, start, 0], [2, length, 3]), w, tail }, { activation: 'silu' });
      parts.push(y);
      tail = next;
    }
    expect(await concat(parts, 1).data()).toEqual(await whole.data());
    expect(await tail?.data()).toEqual(await last.data());
  });
});

describe('causalConv1d', () => {
  it.each([
    ['no tokens', { x: [2, 0, 3] }, {}, 'T ≥ 1'],
    ['a tail of another width', { tail: [2, 3, 4] }, {}, 'tail [B, E, W−1]'],
    ['the filter as it lies on disk', { w: [3, 1, 4] }, {}, '[E, W]'],
    ['an unknown activation', {}, { activation: 'gelu' }, "'none' or 'silu'"],
  ])('refuses %s', async (_, shapes, attrs, expected) => {
    await setBackend('cpu');
    const inputs = Object.fromEntries(Object.entries({ x: [2, 5, 3], w: [3, 4], ...shapes }).map(([name, shape]) => [name, zeros(shape)]));
    const attempt = () => causalConv1d(inputs as never, attrs as never);
    expect(attempt).toThrowError(SsmError);
    expect(attempt).toThrowError(expected);
    dispose(Object.values(inputs));
  });
});
