import { dispose, setBackend, zeros } from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import * as everything from './index';

const { mamba } = everything;

beforeAll(() => setBackend('cpu'));

it('exports exactly this', () => {
  expect(Object.keys(everything).sort()).toMatchInlineSnapshot(`
    [
      "denseMamba",
      "denseMamba2",
      "mamba",
      "mamba2",
      "upcycleMamba",
    ]
  `);
});

it('says what is wrong with a state', () => {
  const config = mamba.parseConfig({ vocab_size: 8, hidden_size: 4, num_hidden_layers: 1, state_size: 3 });
  const params = mamba.init(config, 1);
  const [conv, ssm] = [zeros([2, 8, 3]), zeros([2, 8, 5])];
  const attempt = (state: unknown) => () => mamba.advance(params, config, [[1], [2]], state as never);
  expect(attempt({ layers: [{ conv, ssm }] })).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: mamba.advance: the state does not fit.
      expected  layers[0].ssm [2, 8, 3]
      got       [2, 8, 5]
      fix       start from initialState(config, batch) of the same model, and keep the number of texts]
  `);
  expect(attempt({ layers: [] })).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: mamba.advance: the state does not fit.
      expected  layers.length 1
      got       0
      fix       start from initialState(config, batch) of the same model, and keep the number of texts]
  `);
  expect(attempt({})).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: mamba.advance: the state does not fit.
      expected  layers.length 1
      got       no layers
      fix       start from initialState(config, batch) of the same model, and keep the number of texts]
  `);
  dispose([conv, ssm]);
  expect(attempt({ layers: [{ conv, ssm }] })).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: mamba.advance: the state does not fit.
      expected  layers[0].conv [2, 8, 3]
      got       a tensor that was disposed of
      fix       start from initialState(config, batch) of the same model, and keep the number of texts]
  `);
});
