import { expect, it } from 'vitest';
import * as checkpoint from './index';

it('exports what its README lists', () => {
  expect(Object.keys(checkpoint).sort()).toMatchInlineSnapshot(`
    [
      "HUB",
      "MAX_TEXT_BYTES",
      "STALL_TIMEOUT_MS",
      "StallError",
      "configText",
      "fetchWithDeadline",
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
      "requireStallTimeout",
      "safetensorsPieces",
      "serializeSafetensors",
      "splitQuantization",
      "tensorValues",
      "tensorsFromParams",
    ]
  `);
});
