import { expect, it } from 'vitest';
import { type AnyModel, modelFor, registerModel } from './model';

const model = (modelType: string, key: string) => ({ modelType, recognizes: (json: object) => key in json }) as unknown as AnyModel;

it('finds a model by its type, else by the form of a foreign config, and names what it knows otherwise', () => {
  expect(() => modelFor({ model_type: 'mamba' })).toThrow(/at least one registered model/);
  const [mamba, retnet] = [model('mamba', 'd_model'), model('retnet', 'decoder_layers')];
  registerModel(mamba);
  registerModel(retnet);
  expect(modelFor({ model_type: 'mamba' })).toBe(mamba);
  expect(modelFor({ decoder_layers: 2 })).toBe(retnet);
  expect(() => modelFor({ model_type: 'gpt2' })).toThrowErrorMatchingInlineSnapshot(`
    [SsmError: modelFor: no registered model answers to this config.
      expected  model_type "mamba", "retnet" or a format one of them reads
      got       model_type "gpt2"
      fix       call registerModel(mamba), registerModel(retnet) … before, or check the config]
  `);
  expect(() => modelFor(null)).toThrow(/not an object/);
  const newer = model('mamba', 'd_model');
  registerModel(newer);
  expect(modelFor({ model_type: 'mamba' })).toBe(newer);
});
