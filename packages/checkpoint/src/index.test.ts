import { expect, it } from 'vitest';
import * as checkpoint from './index';

it('exports what its README lists', () => {
  expect(Object.keys(checkpoint).sort()).toMatchInlineSnapshot(`
    [
      "MAX_TEXT_BYTES",
      "STALL_TIMEOUT_MS",
      "StallError",
      "configText",
      "eosTokenIds",
      "fetchWithDeadline",
      "fileSetOf",
      "hubEndpoint",
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
      "requireLayers",
      "requireRevision",
      "requireStallTimeout",
      "safetensorsPieces",
      "serializeSafetensors",
      "splitQuantization",
      "tensorValues",
      "tensorsFromParams",
      "withProgress",
      "withoutPrefix",
    ]
  `);
});
