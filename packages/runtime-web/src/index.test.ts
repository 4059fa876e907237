import { expect, it } from 'vitest';
import * as runtime from './index';

it('exports what its README lists', () => {
  expect(Object.keys(runtime).sort()).toMatchInlineSnapshot(`
    [
      "SiteFolder",
      "connectWorker",
      "deleteKeptModel",
      "keptModels",
      "loadPretrained",
      "openPretrained",
      "serveCommands",
      "startBackend",
      "storageRoom",
    ]
  `);
});
