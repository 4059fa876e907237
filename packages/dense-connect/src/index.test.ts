import { expect, it } from 'vitest';
import * as surface from './index';

it('exports exactly this', () => {
  expect(Object.keys(surface).sort()).toMatchInlineSnapshot(`
    [
      "closedGates",
      "completeDenseConfig",
      "denseConfigToJson",
      "denseConnect",
      "denseSources",
      "denseSpec",
      "gateValues",
      "isRecordable",
      "layerGates",
      "parseDenseConfig",
      "recordedGate",
    ]
  `);
});
