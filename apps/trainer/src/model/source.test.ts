import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { fakeIo } from '../test-support/fake-io';
import { testFolder, writeTinyModel } from '../test-support/tiny-model';
import { openModelFiles, shortName } from './source';

let folder: Awaited<ReturnType<typeof testFolder>>;
const open = (source: string) => openModelFiles(fakeIo({ cwd: folder.path }), source);

beforeAll(async () => {
  folder = await testFolder();
  await writeTinyModel(join(folder.path, 'model'));
  await writeTinyModel(join(folder.path, 'out', 'run', 'checkpoint'));
});
afterAll(() => folder.remove());
afterEach(() => vi.unstubAllEnvs());

describe('what a user calls a model', () => {
  it('is a folder, or the best model in the folder of a run, else its last', async () => {
    expect((await open('model')).name).toBe('model');
    expect((await open(join(folder.path, 'model'))).files.where).toBe(join(folder.path, 'model'));
    expect((await open('out/run')).name).toBe(join('out/run', 'checkpoint'));
    await writeTinyModel(join(folder.path, 'out', 'run', 'best'));
    expect((await open('out/run')).name).toBe(join('out/run', 'best'));
  });

  it.each([
    ['model', 'model'],
    ['out/book', 'book'],
    ['out/book/best/', 'book'],
    ['./out/book/checkpoint', 'book'],
    ['state-spaces/mamba-130m-hf', 'mamba-130m-hf'],
    ['https://host.example/models/small/', 'small'],
  ])('has a short name: that of %s is %s', (source, name) => {
    expect(shortName(folder.path, source)).toBe(name);
  });

  it('is told to be nothing where it is neither a folder nor the form of a Hub id', async () => {
    for (const wrong of ['modell', './out/none', 'a/b/c'])
      await expect(open(wrong)).rejects.toMatchObject({ code: 'FILE', message: expect.stringContaining('there is no model at') });
  });

  it('may be a mistyped folder where the Hub refuses', async () => {
    const hub = createServer((_, response) => response.writeHead(401).end());
    await new Promise<void>((resolve) => hub.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(hub.address() as AddressInfo).port}`);
    vi.stubEnv('HF_HUB_CACHE', join(folder.path, 'cache'));
    const hint = `if a folder is meant: there is none at ${join(folder.path, 'out/rum')}`;
    await expect(open('out/rum')).rejects.toMatchObject({ code: 'NETWORK', fix: expect.stringContaining(hint) });
    hub.close();
  });
});
