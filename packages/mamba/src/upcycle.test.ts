import { paramsFromTensors, tensorsFromParams } from '@densessm/checkpoint';
import { completeDenseConfig } from '@densessm/dense-connect';
import { startsNeutral } from '@densessm/dense-connect/internal';
import { type AnyModel, disposeTree, leavesOf, modelFor, registerModel, type SpecTree, tensorsOf, tidyTree } from '@densessm/ssm-core';
import { someTokens } from '@densessm/testing';
import { memory, setBackend, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DenseChoices, denseMamba, denseMamba2, mamba, mamba2, upcycleMamba } from './index';

const sizes = { vocab_size: 16, hidden_size: 8, num_hidden_layers: 3, state_size: 4, initializer_range: 0.3 };
const originalSizes = { d_model: 8, n_layer: 3, vocab_size: 16 };
const configs = {
  'Mamba of transformers': { ...sizes, model_type: 'mamba', eos_token_id: 3, ssm_cfg: {} },
  'Mamba of mamba_ssm': { ...originalSizes, ssm_cfg: { d_state: 4, use_fast_path: true }, fused_add_norm: true },
  'Mamba-2 of transformers': { ...sizes, model_type: 'mamba2', num_heads: 4, head_dim: 4, n_groups: 2, tie_word_embeddings: true },
  'Mamba-2 of mamba_ssm': { ...originalSizes, ssm_cfg: { layer: 'Mamba2', d_state: 4, headdim: 4, ngroups: 2 } },
};
type Name = keyof typeof configs;

interface Loaded {
  model: AnyModel;
  config: object;
  params: object;
}
const upcycle = upcycleMamba as unknown as (params: object, config: object, dense: DenseChoices, seed: number) => Loaded;

function plainModel(name: Name): Loaded {
  const model = modelFor(configs[name]);
  const config = model.parseConfig(configs[name]);
  return { model, config, params: model.init(config, 7) };
}

/** Logits of a whole text, and of the same text in pieces. */
const logitsOf = async ({ model, config, params }: Loaded, tokens: Tensor2D): Promise<number[][]> => {
  const made = tidyTree(() => [
    model.forward(params, config, tokens),
    model.advance(params, config, tokens, model.initialState(config, tokens.shape[0]))[0],
  ]) as Tensor[];
  const values = await Promise.all(made.map(async (one) => [...(await one.data())]));
  disposeTree(made);
  return values;
};

const everyNeutralChoice: DenseChoices[] = (['state', 'input'] as const).flatMap((fuses) =>
  (['none', 'identity', 'linear'] as const).flatMap((projection) =>
    (['none', 'linear', 'mlp'] as const).flatMap((gate) =>
      (['add', 'concat', 'attention'] as const).flatMap((fusion) => {
        if (gate === 'none' && projection === 'none') return [];
        const choices = { denseLayers: 2, projection, gate, fusion };
        return startsNeutral(completeDenseConfig('test', choices, 8)) ? [{ ...choices, fuses }] : [];
      }),
    ),
  ),
);

describe.each(Object.keys(configs) as Name[])('upcycling a %s', (name) => {
  beforeAll(async () => {
    for (const model of [mamba, mamba2, denseMamba, denseMamba2]) registerModel(model);
    await setBackend('wasm');
  });

  it.each(everyNeutralChoice)('keeps the logits to the last bit: $fuses, $projection, $gate, $fusion', async (choices) => {
    const plain = plainModel(name);
    const dense = upcycle(plain.params, plain.config, choices, 1);
    const tokens = someTokens(2, 9, 16);
    expect(await logitsOf(dense, tokens)).toEqual(await logitsOf(plain, tokens));
    disposeTree([tokens, dense.params]);
  });

  it('keeps them without any connection', async () => {
    const plain = plainModel(name);
    const dense = upcycle(plain.params, plain.config, { denseLayers: 0 }, 1);
    const tokens = someTokens(2, 9, 16);
    expect(await logitsOf(dense, tokens)).toEqual(await logitsOf(plain, tokens));
    expect([...tensorsOf(dense.params)].length).toBe([...tensorsOf(plain.params)].length);
    disposeTree([tokens, dense.params]);
  });

  it('adds nothing but the connections, under the names of the same layout', () => {
    const plain = plainModel(name);
    const dense = upcycle(plain.params, plain.config, { denseLayers: 1 }, 1);
    const namesOf = ({ model, config }: Loaded) => [...leavesOf(model.spec(config) as SpecTree)].map((leaf) => leaf.name);
    const before = new Set(namesOf(plain));
    expect(namesOf(dense).filter((one) => !before.has(one))).toEqual([
      'backbone.layers.1.mixer.dense_gate.fc1.weight',
      'backbone.layers.1.mixer.dense_gate.fc2.weight',
      'backbone.layers.2.mixer.dense_gate.fc1.weight',
      'backbone.layers.2.mixer.dense_gate.fc2.weight',
    ]);
    disposeTree(dense.params);
  });

  it('gives a model that can be saved and loaded', async () => {
    const plain = plainModel(name);
    const dense = upcycle(plain.params, plain.config, { denseLayers: 2, fuses: 'input', gate: 'linear' }, 1);
    const json = JSON.parse(JSON.stringify(dense.model.configToJson(dense.config)));
    const model = modelFor(json);
    expect(model.modelType).toBe(dense.model.modelType);
    const config = model.parseConfig(json);
    expect(config).toEqual(dense.config);
    const tensors = await tensorsFromParams(dense.model.spec(dense.config), dense.params as never);
    const params = (await paramsFromTensors(model.spec(config) as SpecTree, tensors)) as object;
    const tokens = someTokens(2, 9, 16);
    expect(await logitsOf({ model, config, params }, tokens)).toEqual(await logitsOf(plain, tokens));
    disposeTree([tokens, dense.params, params]);
  });

  it('shares the tensors and leaves none behind', () => {
    const plain = plainModel(name);
    const before = memory().numTensors;
    const dense = upcycle(plain.params, plain.config, { denseLayers: 1 }, 1);
    expect(memory().numTensors).toBe(before + 4);
    tidy(() => dense.model.forward(dense.params, dense.config, [[1, 2, 3]])).dispose();
    expect(memory().numTensors).toBe(before + 4);
    disposeTree(dense.params);
  });
});

describe('upcycling refuses', () => {
  const attempt = (choices: DenseChoices) => () => {
    const plain = plainModel('Mamba of transformers');
    try {
      return upcycle(plain.params, plain.config, choices, 1);
    } finally {
      disposeTree(plain.params);
    }
  };

  it('connections that do not start at nothing', () =>
    expect(attempt({ denseLayers: 1, gate: 'none' })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: upcycleMamba: these connections would change the logits at once.
        expected  a gate, a linear projection or fusion "concat", which can start at nothing
        got       gate "none", projection "identity", fusion "add"
        fix       choose connections that start neutral, or start a dense model afresh with denseMamba.init]
    `));

  it('an unknown place', () =>
    expect(attempt({ denseLayers: 1, fuses: 'output' as 'state' })).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: upcycleMamba: \`dense_fusion\` cannot be used.
      expected  "state" or "input"
      got       "output"
      fix       correct the value in config.json]
  `));

  it('a choice that contradicts another', () =>
    expect(attempt({ denseLayers: 1, gate: 'none', gatePerSource: true })).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: upcycleMamba: \`dense_gate_per_source\` cannot be used.
        expected  false, since dense_gate is "none"
        got       true
        fix       choose dense_gate "linear" or "mlp", or leave dense_gate_per_source out]
    `));

  it('a model that is dense already', () => {
    const config = denseMamba.parseConfig({ ...sizes, model_type: 'dense_mamba', dense_block_layers: 1 });
    expect(() => upcycle({}, config, { denseLayers: 1 }, 1)).toThrowErrorMatchingInlineSnapshot(`
      [SsmError: upcycleMamba: the model is dense already.
        expected  a Mamba or Mamba-2 without dense connections
        got       one with them
        fix       choose connections that start neutral, or start a dense model afresh with denseMamba.init]
    `);
  });
});
