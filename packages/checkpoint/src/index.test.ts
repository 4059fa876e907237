import { expect, it } from 'vitest';
import * as checkpoint from './index';

it('exports what its README lists', () => {
  expect(Object.keys(checkpoint).sort()).toMatchInlineSnapshot(`
    [
      "HUB",
      "configText",
      "fileSetOf",
      "isHubId",
      "loadParams",
      "loadPretrainedFiles",
      "modelAddress",
      "openSafetensors",
      "openTorchFile",
      "openWeights",
      "paramsFromTensors",
      "paramsSource",
      "parseConfigText",
      "parseSafetensors",
      "pretrainedFiles",
      "quantizedSource",
      "readTensors",
      "readText",
      "requireRevision",
      "safetensorsPieces",
      "serializeSafetensors",
      "splitQuantization",
      "tensorValues",
      "tensorsFromParams",
    ]
  `);
});
