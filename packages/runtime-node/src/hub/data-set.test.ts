import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMIT, type HubServer, REPO, startHub } from '../../fixtures/hub-server';
import { downloadDatasetFile, downloadUrl, listDataset } from '../index';

const text = (name: string): string => `text of ${name}`;
const NAMES = ['data/train 1.txt', 'README.md', 'data/train 0.txt'];

let hub: HubServer;
let cacheDir: string;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'hub-data-'));
  hub = await startHub(new Map(NAMES.map((name) => [name, Buffer.from(text(name))])));
});
afterEach(async () => {
  await hub.close();
  await rm(cacheDir, { recursive: true });
});
const options = (more: object = {}) => ({ endpoint: hub.endpoint, cacheDir, ...more });

describe('a data set on the Hub', () => {
  it('is listed page by page, and its files lie in the cache as Python would have put them', async () => {
    expect(await listDataset(REPO, options({ token: 'secret' }))).toEqual([...NAMES].sort());
    const path = await downloadDatasetFile(REPO, 'data/train 0.txt', options());
    expect(path).toBe(join(cacheDir, 'datasets--someone--tiny', 'snapshots', COMMIT, 'data', 'train 0.txt'));
    expect(await readFile(path, 'utf8')).toBe(text('data/train 0.txt'));
    expect(hub.seen.filter(({ path }) => path.startsWith('/api/')).map(({ authorization }) => authorization)).toEqual([
      'Bearer secret',
      'Bearer secret',
    ]);
  });

  it('is found in the cache without a network', async () => {
    await downloadDatasetFile(REPO, 'data/train 0.txt', options());
    hub.seen.length = 0;
    expect(await listDataset(REPO, options({ offline: true }))).toEqual(['data/train 0.txt']);
    expect(await readFile(await downloadDatasetFile(REPO, 'data/train 0.txt', options({ offline: true })), 'utf8')).toBe(
      text('data/train 0.txt'),
    );
    expect(hub.seen).toEqual([]);
  });

  it.each([
    ['an id that is none', () => listDataset('no id', options()), 'OPTION'],
    ['an unknown data set', () => listDataset('someone/else', options()), 'NETWORK'],
    ['a path that leaves the data set', () => downloadDatasetFile(REPO, '../secret', options()), 'OPTION'],
    ['a file that is not there', () => downloadDatasetFile(REPO, 'data/no.txt', options()), 'NETWORK'],
    ['a file that is not in the cache', () => downloadDatasetFile(REPO, 'README.md', options({ offline: true })), 'NETWORK'],
    ['a URL without a file', () => downloadUrl(`${hub.endpoint}/`, options()), 'OPTION'],
  ])('refuses %s with one clear error', async (_, act, code) => {
    const error = await act().then(String, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(SsmError);
    expect(error).toMatchObject({ code });
  });
});

describe('a file behind a URL', () => {
  it('is fetched once, whatever follows its name, and again when it has changed', async () => {
    const url = () => `${hub.endpoint}/${REPO}/resolve/main/README.md?download=true`;
    const serve = (body: string): void => {
      hub.faults.push(({ path }, response) => {
        response.writeHead(200, { etag: `"${body}"`, 'content-length': String(body.length) }).end(body);
        return path.includes('download=true');
      });
    };
    for (const body of ['first', 'first', 'second']) {
      if (body === 'second' || hub.seen.length === 0) for (let i = 0; i < 2; i++) serve(body);
      else serve(body);
      expect(await readFile(await downloadUrl(url(), options()), 'utf8')).toBe(body);
    }
    expect(hub.seen.length).toBe(5);
  });
});
