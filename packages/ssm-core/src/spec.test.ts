import { describe, expect, it } from 'vitest';
import { computed, normal } from './initializers';
import { bias, constant, countParams, filter, gain, initParams, leavesOf, namedParams, repeated, weight } from './spec';
import { disposeTree, tensorsOf } from './tree';

const spec = (layers: number, withBias = true) => ({
  embeddings: weight('embeddings.weight', [5, 3], { init: normal(0.5) }),
  angle: constant('angle', [2], () => Float32Array.of(1, 2)),
  layers: repeated(layers, (i) => ({
    norm: gain(`layers.${i}.norm.weight`, 3),
    conv: filter(`layers.${i}.conv.weight`, [3, 1, 4]),
    bias: withBias ? bias(`layers.${i}.bias`, 3) : undefined,
    aLog: weight(`layers.${i}.A_log`, [3, 2], { init: computed((n) => Math.log(1 + (n % 2))), decay: false }),
  })),
});

describe('a spec', () => {
  it('lists every name once, in order, constants included', () => {
    expect([...leavesOf(spec(1))].map(({ name }) => name)).toEqual([
      'embeddings.weight',
      'angle',
      'layers.0.norm.weight',
      'layers.0.conv.weight',
      'layers.0.bias',
      'layers.0.A_log',
    ]);
  });

  it('counts learned values only', () => {
    expect(countParams(spec(2))).toBe(15 + 2 * (3 + 12 + 3 + 6));
  });

  it('makes params of its own form: constants are left out, absent parameters stay undefined', () => {
    const params = initParams(spec(2, false), 1);
    expect(Object.keys(params)).toEqual(['embeddings', 'layers']);
    expect(params.layers[1]?.bias).toBeUndefined();
    expect(params.layers[1]?.conv.shape).toEqual([3, 1, 4]);
    disposeTree(params);
  });

  it('pairs names with tensors whatever the order of keys in the params', () => {
    const shape = spec(1);
    const { layers, embeddings } = initParams(shape, 1);
    const named = new Map([...namedParams(shape, { layers, embeddings })].map(([{ name }, tensor]) => [name, tensor]));
    expect(named.get('embeddings.weight')).toBe(embeddings);
    expect(named.get('layers.0.bias')).toBe(layers[0]?.bias);
    disposeTree({ layers, embeddings });
  });

  it('draws from the seed and the name alone', async () => {
    const [one, again, deeper, other] = [initParams(spec(1), 7), initParams(spec(1), 7), initParams(spec(3), 7), initParams(spec(1), 8)];
    const draw = async (params: typeof one) => [...(await params.embeddings.data())];
    expect(await draw(again)).toEqual(await draw(one));
    expect(await draw(deeper)).toEqual(await draw(one));
    expect(await draw(other)).not.toEqual(await draw(one));
    const firstConv = [...(await (deeper.layers[0] as { conv: (typeof one.layers)[number]['conv'] }).conv.data())];
    const secondConv = [...(await (deeper.layers[1] as { conv: (typeof one.layers)[number]['conv'] }).conv.data())];
    expect(secondConv).not.toEqual(firstConv);
    expect(Math.max(...firstConv.map(Math.abs))).toBeLessThanOrEqual(0.5); // 1 / √(1 · 4)
    for (const params of [one, again, deeper, other]) disposeTree(params);
  });

  it('computes given starting values', async () => {
    const params = initParams(spec(1), 1);
    expect([...((await params.layers[0]?.aLog.data()) ?? [])]).toEqual([0, 1, 0, 1, 0, 1].map((n) => Math.fround(Math.log(1 + n))));
    expect([...tensorsOf(params)].map(([path]) => path.join('.'))).toContain('layers.0.aLog');
    disposeTree(params);
  });
});
