import { describe, expect, it } from 'vitest';
import * as runtime from './index';

describe('the surface of @densessm/runtime-node', () => {
  it('changes only in sight of a review', () => {
    expect(Object.keys(runtime).sort()).toMatchInlineSnapshot(`
      [
        "DEVICES",
        "downloadDatasetFile",
        "downloadUrl",
        "listDataset",
        "loadPretrained",
        "modelFolder",
        "noteWrongKernels",
        "openPretrained",
        "savePretrained",
        "startBackend",
      ]
    `);
  });
});
