import { readFileSync } from 'node:fs';
import { buildParams, disposeTree, modelFor, type SpecTree } from '@densessm/ssm-core';
import { advanceInPieces, expectClose } from '@densessm/testing';
import { setBackend, type Tensor, tensor, tensor2d } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { mamba, mamba2 } from './index';

// Made by tests/python/make_fla_fixtures.py from flash-linear-attention's equations, in float64.
interface Fixture {
  ids: number[];
  cases: Record<string, { config: Record<string, unknown>; logits: number[] }>;
}
const { ids, cases } = JSON.parse(readFileSync(new URL('../fixtures/fla.json', import.meta.url), 'utf8')) as Fixture;

/** The script's weights: value i is (cos(1.7 i + c) + sin(0.3 i²  + c)) / 2, with c the sum of the name's character codes. */
function weightsOf(spec: SpecTree): object {
  return buildParams(spec, ({ name, shape }) => {
    const c = [...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    const size = shape.reduce((product, length) => product * length, 1);
    const values = Float32Array.from({ length: size }, (_, i) => (Math.cos(1.7 * i + c) + Math.sin(0.3 * i * i + c)) / 2);
    return tensor(values, [...shape]);
  }) as object;
}

const lastRow = async (logits: Tensor): Promise<number[]> => Array.from(await logits.data()).slice(-11);

describe.each(Object.entries(cases))("flash-linear-attention's %s", (_, { config: json, logits: expected }) => {
  beforeAll(() => setBackend('wasm'));

  it('has the logits of its equations, read at once and in pieces', async () => {
    const model = modelFor(json, [mamba, mamba2]);
    const config = model.parseConfig(json);
    const params = weightsOf(model.spec(config));
    await expectClose('at once', expected, await lastRow(model.forward(params, config, [ids])), 1e-5);
    const [logits, state] = advanceInPieces(model, params, config, tensor2d([ids], undefined, 'int32'), [1, 4, 2]);
    await expectClose('in pieces', expected, await lastRow(logits as Tensor), 1e-5);
    disposeTree([params, logits, state]);
  });

  it('is written back as it was read', () => {
    const model = modelFor(json, [mamba, mamba2]);
    const config = model.parseConfig(json);
    const written = model.configToJson(config);
    expect(written).toMatchObject(json);
    expect(written).not.toHaveProperty('layer_norm_epsilon');
    const { rest: _, ...again } = model.parseConfig(written);
    expect(config).toMatchObject(again);
    expect(model.warnings?.(config)).toEqual([]);
  });
});
