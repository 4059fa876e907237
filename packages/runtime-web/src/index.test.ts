import { expect, it } from 'vitest';
import * as runtime from './index';
import * as messages from './messages';

it('exports what its README lists', () => {
  expect(Object.keys(runtime).sort()).toMatchInlineSnapshot(`
    [
      "SiteFolder",
      "deleteKeptModel",
      "keptModels",
      "loadPretrained",
      "openPretrained",
      "startBackend",
      "storageRoom",
    ]
  `);
  expect(Object.keys(messages).sort()).toEqual(['connectWorker', 'fromSent', 'serveCommands', 'toSent']);
});
