import { expect, it } from 'vitest';
import * as core from './index';

it('exports what it should', () => {
  expect(Object.keys(core).sort()).toMatchInlineSnapshot(`
    [
      "ConfigReader",
      "SsmError",
      "bias",
      "bindShapes",
      "buildParams",
      "computed",
      "constant",
      "constantInit",
      "countParams",
      "defineKernel",
      "disposeGrads",
      "disposeTree",
      "filter",
      "gain",
      "headInput",
      "initParams",
      "isObject",
      "kaimingUniform",
      "leavesOf",
      "mapTree",
      "modelFor",
      "mulberry32",
      "namedParams",
      "normal",
      "readConfig",
      "recomputed",
      "registerModel",
      "repeated",
      "specialise",
      "startsTensor",
      "tensorsOf",
      "tidyTree",
      "tokenTensor",
      "uniform",
      "valueAndGrads",
      "weight",
      "xavierUniform",
      "zerosInit",
    ]
  `);
});
