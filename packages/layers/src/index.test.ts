import { expect, it } from 'vitest';
import * as everything from './index';

it('exports exactly this', () => {
  expect(Object.keys(everything).sort()).toMatchInlineSnapshot(`
    [
      "DenseRetentionLayer",
      "Embedding",
      "Mamba2Layer",
      "MambaLayer",
      "RetentionLayer",
      "RmsNorm",
      "registerLayers",
    ]
  `);
});
