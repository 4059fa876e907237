import { expect, it } from 'vitest';
import * as checkpoint from './index';

it('exports what its README lists', () => {
  expect(Object.keys(checkpoint).sort()).toMatchInlineSnapshot(`
    [
      "configText",
      "loadParams",
      "openSafetensors",
      "openTorchFile",
      "paramsFromTensors",
      "paramsSource",
      "parseConfigText",
      "parseSafetensors",
      "readTensors",
      "safetensorsPieces",
      "serializeSafetensors",
      "tensorValues",
      "tensorsFromParams",
    ]
  `);
});
