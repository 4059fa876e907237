import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTrainingData } from '../open';
import type { DataProgress } from '../options';
import { choose } from './remote';

const ID = 'someone/fables';
const FILES: Record<string, string> = {
  'README.md': '# Fables',
  'data/train-0.jsonl': '{"text": "the fox ran"}',
  'data/train-1.jsonl': '{"text": "the owl slept"}',
  'data/test-0.jsonl': '{"text": "not to be seen"}',
  'notes.txt': 'not to be seen either',
};
const asked: string[] = [];
let server: Server;
let endpoint: string;
let cacheDir: string;

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'remote-data-'));
  server = createServer(({ url = '', headers }, response) => {
    asked.push(url);
    if (url.startsWith(`/api/datasets/${ID}/tree/main`)) {
      const items = Object.keys(FILES).map((path) => ({ type: 'file', path, size: 1, oid: '' }));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(items));
      return;
    }
    const body = FILES[/^\/(?:datasets\/someone\/fables\/resolve\/main\/|plain\/)(.+)$/.exec(url)?.[1] ?? ''];
    if (body === undefined) response.writeHead(url.includes('/api/') ? 401 : 404, { 'x-error-code': 'RepoNotFound' }).end();
    else if (headers.range) response.writeHead(206, { etag: `"${body.length}"`, 'content-range': `bytes 0-0/${body.length}` }).end(body[0]);
    else response.writeHead(200, { etag: `"${body.length}"`, 'content-length': String(body.length) }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(cacheDir, { recursive: true });
});

async function textsOf(source: string, progress: DataProgress[] = []): Promise<string[]> {
  const services = {
    cwd: cacheDir,
    hub: { endpoint, cacheDir: join(cacheDir, 'hub'), token: '', offline: false },
    onProgress: (one: DataProgress) => progress.push(one),
  };
  const data = await openTrainingData({ data: [source], cacheDir, blockSize: 1, tokenizer: 'byte' }, services);
  const ids = [...(await data.train.read(0, data.train.length)), ...(await data.validation.read(0, data.validation.length))];
  await data.close();
  return data.tokenizer.decode(ids).split('<|endoftext|>').slice(1);
}

describe('data from far away', () => {
  it('is the training part of a data set, fetched once', async () => {
    const progress: DataProgress[] = [];
    expect(await textsOf(ID, progress)).toEqual(['the fox ran', 'the owl slept']);
    expect(progress.some(({ stage, file }) => stage === 'downloading' && file === 'data/train-1.jsonl')).toBe(true);
    expect(asked.some((url) => url.includes('test-0'))).toBe(false);
  });

  it.each([
    ['a file of a data set', `${ID}/data/test-0.jsonl`, ['not to be seen']],
    ['a folder of a data set', `${ID}/data`, ['not to be seen', 'the fox ran', 'the owl slept']],
  ])('may be %s', async (_, source, texts) => {
    expect(await textsOf(source)).toEqual(texts);
  });

  it('may be a file behind a URL', async () => {
    expect(await textsOf(`${endpoint}/plain/data/train-1.jsonl`)).toEqual(['the owl slept']);
  });

  it.each([
    ['data/trian', 'NETWORK', /data\/trian is no file or folder here/],
    ['nowhere/corpus.jsonl', 'FILE', /does not exist/],
    [`${ID}/pictures`, 'FILE', /no files with text in pictures/],
  ])('that is not there is one clear error: %s', async (source, code, message) => {
    const error: unknown = await textsOf(source).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SsmError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe('the files of a data set', () => {
  it.each([
    [['data/train-00000-of-00002.parquet', 'data/test-00000-of-00001.parquet', 'all.txt'], ['data/train-00000-of-00002.parquet']],
    [['part1.jsonl.gz', 'valid.jsonl.gz', 'config.json'], ['part1.jsonl.gz']],
    [['Stories-train.txt', 'Stories-valid.txt', 'README.md'], ['Stories-train.txt']],
    [['training_set.txt', 'strain.txt'], ['training_set.txt']],
  ])('of %s are %s', (paths, chosen) => {
    expect(choose(paths)).toEqual(chosen);
  });
});
