import { readConfig } from '@densessm/ssm-core';
import { describe, expect, it } from 'vitest';
import { completeDenseConfig, type DenseConfig, denseConfigToJson, parseDenseConfig } from './index';

const parse = (json: Record<string, unknown>, defaults?: Partial<DenseConfig>) => parseDenseConfig(readConfig('test', json), 64, defaults);

describe('parseDenseConfig', () => {
  it('takes the released choices where the file says only m', () => {
    expect(parse({ dense_block_layers: 2 })).toEqual({
      denseLayers: 2,
      projection: 'identity',
      gate: 'mlp',
      gateRank: 2,
      gatePerSource: false,
      fusion: 'add',
      scope: 'layer',
    });
  });

  it('connects nothing where the file says nothing', () => {
    expect(parse({}).denseLayers).toBe(0);
    expect(parse({}, { denseLayers: 1 }).denseLayers).toBe(1);
  });

  it('keeps the rank of a narrow model at one', () => {
    expect(parseDenseConfig(readConfig('test', {}), 8).gateRank).toBe(1);
  });

  it('lets the file overrule the defaults of a model', () => {
    const defaults = { gate: 'linear', fusion: 'concat' } as const;
    expect(parse({ dense_block_layers: 1, dense_gate: 'mlp' }, defaults)).toMatchObject({ gate: 'mlp', fusion: 'concat' });
  });

  it('gives a config that nobody can change', () => {
    expect(Object.isFrozen(parse({}))).toBe(true);
  });

  it('allows the control without a projection where there is a gate, and any choice where m is 0', () => {
    expect(parse({ dense_block_layers: 1, dense_projection: 'none' }).projection).toBe('none');
    expect(parse({ dense_projection: 'none', dense_gate: 'none' }).denseLayers).toBe(0);
  });
});

describe('an invalid dense config is refused', () => {
  const refuses = (json: Record<string, unknown>) => expect(() => parse(json));

  it('a number of layers that is negative', () =>
    refuses({ dense_block_layers: -1 }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_block_layers\` cannot be used.
      expected  an integer from 0 to 2147483647
      got       -1
      fix       correct the value in config.json]
  `));
  it('a number of layers that is not whole', () =>
    refuses({ dense_block_layers: 1.5 }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_block_layers\` cannot be used.
      expected  an integer from 0 to 2147483647
      got       1.5
      fix       correct the value in config.json]
  `));
  it('a number of layers as text', () =>
    refuses({ dense_block_layers: '2' }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_block_layers\` cannot be used.
      expected  an integer from 0 to 2147483647
      got       "2"
      fix       correct the value in config.json]
  `));
  it('an unknown projection', () =>
    refuses({ dense_projection: 'lowrank' }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_projection\` cannot be used.
      expected  "none" or "identity" or "linear"
      got       "lowrank"
      fix       correct the value in config.json]
  `));
  it('an unknown gate', () =>
    refuses({ dense_gate: 'sigmoid' }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_gate\` cannot be used.
      expected  "none" or "linear" or "mlp"
      got       "sigmoid"
      fix       correct the value in config.json]
  `));
  it('an unknown fusion', () =>
    refuses({ dense_fusion_method: 'sum' }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_fusion_method\` cannot be used.
      expected  "add" or "concat" or "attention"
      got       "sum"
      fix       correct the value in config.json]
  `));
  it('an unknown scope', () =>
    refuses({ dense_scope: 'model' }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_scope\` cannot be used.
      expected  "layer" or "block"
      got       "model"
      fix       correct the value in config.json]
  `));
  it('a rank of 0', () =>
    refuses({ dense_gate_rank: 0 }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_gate_rank\` cannot be used.
      expected  an integer from 1 to 2147483647
      got       0
      fix       correct the value in config.json]
  `));
  it('a rank that is not whole', () =>
    refuses({ dense_gate_rank: 2.5 }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_gate_rank\` cannot be used.
      expected  an integer from 1 to 2147483647
      got       2.5
      fix       correct the value in config.json]
  `));
  it('a gate per source that is not true or false', () =>
    refuses({ dense_gate_per_source: 1 }).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: test: \`dense_gate_per_source\` cannot be used.
      expected  true or false
      got       1
      fix       correct the value in config.json]
  `));
  it('a gate per source without a gate', () =>
    refuses({ dense_gate: 'none', dense_gate_per_source: true }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: test: \`dense_gate_per_source\` cannot be used.
        expected  false, since dense_gate is "none"
        got       true
        fix       choose dense_gate "linear" or "mlp", or leave dense_gate_per_source out]
    `));
  it('layers with neither a projection nor a gate', () =>
    refuses({ dense_block_layers: 1, dense_projection: 'none', dense_gate: 'none' }).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: test: \`dense_projection\` cannot be used.
        expected  "identity" or "linear", since dense_gate is "none"
        got       "none"
        fix       with neither a projection nor a gate nothing is connected: choose one, or set dense_block_layers to 0]
    `));
});

describe('completeDenseConfig', () => {
  it('fills in what was left out', () => {
    expect(completeDenseConfig('test', { denseLayers: 2 }, 64)).toEqual(parse({ dense_block_layers: 2 }));
  });

  it('checks as a file is checked', () => {
    const choose = (choices: object) => () => completeDenseConfig('upcycle', choices, 64);
    expect(choose({ denseLayers: Number.NaN })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: upcycle: \`dense_block_layers\` cannot be used.
        expected  an integer from 0 to 2147483647
        got       null
        fix       correct the value in config.json]
    `);
    expect(choose({ denseLayer: 2 })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: upcycle: the dense choices have no \`denseLayer\`.
        expected  one of denseLayers, projection, gate, gateRank, gatePerSource, fusion, scope
        got       denseLayer
        fix       remove the choice or correct its spelling]
    `);
  });
});

describe('denseConfigToJson', () => {
  it('writes m, and of the rest only what the defaults would not restore', () => {
    const config = completeDenseConfig('test', { denseLayers: 2, gate: 'linear' }, 64);
    expect(denseConfigToJson(config, 64)).toEqual({ dense_block_layers: 2, dense_gate: 'linear' });
    expect(denseConfigToJson(config, 64, { denseLayers: 2, gate: 'linear' })).toEqual({ dense_block_layers: 2 });
    expect(denseConfigToJson(config, 128)).toEqual({ dense_block_layers: 2, dense_gate: 'linear', dense_gate_rank: 2 });
  });

  it.each<Partial<DenseConfig>>([
    {},
    { denseLayers: 3, gatePerSource: true, gateRank: 7 },
    { denseLayers: 1, projection: 'linear', gate: 'none', fusion: 'concat' },
    { denseLayers: 2, projection: 'none', fusion: 'attention', scope: 'block' },
  ])('writes what parses to the same config: %o', (choices) => {
    const config = completeDenseConfig('test', choices, 64);
    for (const defaults of [{}, { denseLayers: 1, gate: 'linear', fusion: 'attention' } as const]) {
      expect(parse(denseConfigToJson(config, 64, defaults), defaults)).toEqual(config);
    }
  });
});
