import { expect, it } from 'vitest';
import * as checkpoint from './index';

it('exports what its README lists', () => {
  expect(Object.keys(checkpoint).sort()).toMatchInlineSnapshot(`
    [
      "configText",
      "eosTokenIds",
      "fileSetOf",
      "loadParams",
      "loadPretrainedFiles",
      "openSafetensors",
      "openTorchFile",
      "openWeights",
      "paramsFromTensors",
      "paramsSource",
      "parseConfigText",
      "parseSafetensors",
      "pretrainedFiles",
      "quantizedSource",
      "readConfigFile",
      "readSamplingDefaults",
      "readTensors",
      "readText",
      "safetensorsPieces",
      "serializeSafetensors",
      "splitQuantization",
      "tensorValues",
      "tensorsFromParams",
    ]
  `);
});
