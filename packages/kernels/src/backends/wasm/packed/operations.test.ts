import { bias, disposeTree, initParams, weight } from '@densessm/ssm-core';
import { expectClose } from '@densessm/testing';
import {
  dispose,
  grad,
  memory,
  ones,
  randomNormal,
  setBackend,
  slice,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tensor1d,
  tensor2d,
} from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { embedding } from '../../../operations/embedding/kernel';
import { linear, linearParts } from '../../../operations/linear/kernel';
import { packParams } from '../../../packed/pack-params';
import { PackedLinear } from './packed-linear';

beforeEach(async () => {
  await setBackend('wasm');
});

const weights = Float32Array.from({ length: 6 * 4 }, (_, i) => Math.sin(i));

describe('linear and embedding with packed weights', () => {
  it('give a result of the rank of x, and rows by id', async () => {
    const packed = PackedLinear.pack(weights, [6, 4], { type: 'f32' });
    const [x, dense, bias] = [randomNormal([2, 3, 4]) as Tensor3D, tensor2d(weights, [6, 4]), tensor1d([1, 2, 3, 4, 5, 6])];
    const ids = tensor2d([5, 0, 5], [1, 3], 'int32');
    const pairs = [
      [linear({ x, w: dense, bias }), linear({ x, w: packed, bias })],
      [embedding({ ids, w: dense }), embedding({ ids, w: packed })],
    ] as const;
    for (const [want, got] of pairs) {
      expect(got.shape).toEqual(want.shape);
      await expectClose('result', want, got, 1e-6);
    }
    dispose([pairs.flat(), x, dense, bias, ids]);
    packed.dispose();
  });

  it.each([
    [
      'f32',
      [
        [0, 16],
        [16, 24],
      ],
    ],
    ['f32', [[16, 16]]],
    [
      'int8',
      [
        [32, 8],
        [0, 32],
      ],
    ],
    ['int4', [[5, 9]]],
    [
      undefined,
      [
        [0, 13],
        [13, 27],
      ],
    ],
    [undefined, [[7, 11]]],
  ] as const)('give parts of a projection, each as it is of the whole: %s %j', async (type, parts) => {
    const [x, w, bias] = [randomNormal([2, 70, 33]) as Tensor3D, randomNormal([40, 33]) as Tensor2D, randomNormal([40]) as Tensor1D];
    const given = type ? PackedLinear.pack((await w.data()) as Float32Array, [40, 33], { type }) : w;
    const whole = linear({ x, w: given, bias });
    const got = linearParts({ x, w: given, bias }, parts);
    expect(got.map(({ shape }) => shape)).toEqual(parts.map(([, size]) => [2, 70, size]));
    for (const [i, [first, size]] of parts.entries())
      await expectClose('part', slice(whole, [0, 0, first], [2, 70, size]), got[i] as Tensor, 1e-6);
    dispose([x, w, bias, whole, ...got]);
    given.dispose();
  });

  it('refuse what does not fit, and gradients', () => {
    const packed = PackedLinear.pack(weights, [6, 4], { type: 'int8' });
    expect(() => linear({ x: ones([2, 3]), w: packed })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: SsmPackedLinear: the packed weights do not fit.
        expected  x [..., 4], bias [6]
        got       x [2, 3]
        fix       use the config that belongs to these weights]
    `);
    expect(() => linear({ x: ones([2, 4]), w: packed, bias: ones([4]) })).toThrow(/do not fit/);
    expect(() => linear({ x: ones([2, 4], 'int32'), w: packed })).toThrow(expect.objectContaining({ code: 'DTYPE' }));
    expect(() => embedding({ ids: tensor2d([[6]], [1, 1], 'int32'), w: packed })).toThrow(expect.objectContaining({ code: 'TOKENS' }));
    expect(() => grad((x: Tensor) => sum(linear({ x, w: packed })))(ones([2, 4]))).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: SsmPackedLinear: packed weights have no gradient.
        expected  params of tensors inside of a loss
        got       params that were packed
        fix       train the params before they are packed]
    `);
    packed.dispose();
    expect(() => linear({ x: ones([2, 4]), w: packed })).toThrow(/disposed of/);
  });
});

describe('packParams', () => {
  const spec = {
    any: weight('any', [5, 40]),
    fine: weight('fine', [5, 40], { precision: 'fine' }),
    exact: weight('exact', [5, 40], { precision: 'exact' }),
    bias: bias('bias', 5),
  };

  it('packs what may be packed, as fine as it must be, and copies the rest', async () => {
    const params = initParams(spec, 1);
    for (const [type, fine] of [
      ['f32', 'f32'],
      ['bf16', 'bf16'],
      ['int8', 'bf16'],
      ['int4', 'bf16'],
    ] as const) {
      const packed: Record<string, unknown> = await packParams(spec, params, { weights: type });
      expect([(packed.any as PackedLinear).type, (packed.fine as PackedLinear).type]).toEqual([type, fine]);
      expect([packed.any, packed.fine, packed.exact, packed.bias].map((one) => one instanceof PackedLinear)).toEqual([
        true,
        true,
        false,
        false,
      ]);
      disposeTree(packed);
    }
    disposeTree(params); // the copies were others
  });

  it('leaves nothing behind where it fails', async () => {
    const params = { ...initParams(spec, 1), fine: tensor2d(new Float32Array(200).fill(Number.NaN), [5, 40]) };
    const before = memory().numTensors;
    await expect(packParams(spec, params, { weights: 'int8' })).rejects.toThrow('PackedLinear of `fine`: a weight is not finite.');
    await expect(packParams(spec, params, { weights: 'int3' as never })).rejects.toThrow(/weights cannot be kept in this type/);
    const packed = await packParams({ any: spec.any }, { any: params.any }, { weights: 'int8' });
    await expect(packParams({ any: spec.any }, packed, { weights: 'int8' })).rejects.toThrow(/these params are packed already/);
    disposeTree(packed);
    expect(memory().numTensors).toBe(before);
    disposeTree(params);
  });
});
