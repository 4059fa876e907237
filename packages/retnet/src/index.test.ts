import { expect, it } from 'vitest';
import * as retnet from './index';

it('exports what it should', () => {
  expect(Object.keys(retnet).sort()).toMatchInlineSnapshot(`
    [
      "decayLogarithms",
      "denseRetNet",
      "denseRetNetAdvance",
      "denseRetNetConfigToJson",
      "denseRetNetDecoder",
      "denseRetNetForward",
      "denseRetNetGates",
      "denseRetNetHiddenStates",
      "denseRetNetSpec",
      "parseDenseRetNetConfig",
      "parseRetNetConfig",
      "positionsFrom",
      "retention",
      "retentionChunkwise",
      "retentionParallel",
      "retentionRecurrent",
      "retentionScale",
      "retnet",
      "retnetAdvance",
      "retnetConfigToJson",
      "retnetDecoder",
      "retnetForward",
      "retnetGates",
      "retnetHiddenStates",
      "retnetSpec",
      "rotate",
      "rotationAngles",
      "upcycleRetNet",
    ]
  `);
});
