import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileSet, pretrainedFiles, readText } from '@densessm/checkpoint';
import { type AnyModel, initParams, type Params, SsmError, weight } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMMIT, etagOf, type Fault, type HubServer, REPO, refuse, sendBytes, startHub, untilWritten } from '../../fixtures/hub-server';
import { loadPretrained } from '../index';
import { openRemote } from '../pretrained';
import { hubSettings } from './options';

const spec = () => ({ head: weight('head.weight', [100, 100]) });
const tiny = {
  modelType: 'tiny',
  recognizes: () => false,
  parseConfig: (json: object) => json,
  configToJson: () => ({ model_type: 'tiny' }),
  spec,
} as unknown as AnyModel;

let hub: HubServer;
let cacheDir: string;
let weights: Uint8Array;
const pauses: number[] = [];

async function filesOf(seed: number): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { name, pieces } of pretrainedFiles({ model: tiny, config: {}, params: initParams(spec(), seed) })) {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces) parts.push(piece.slice());
    files.set(name, Buffer.concat(parts));
  }
  return files;
}

beforeEach(async () => {
  await setBackend('cpu');
  cacheDir = await mkdtemp(join(tmpdir(), 'hub-cache-'));
  const files = await filesOf(1);
  weights = files.get('model.safetensors') as Uint8Array;
  hub = await startHub(files);
  pauses.length = 0;
});
afterEach(async () => {
  await hub.close();
  await rm(cacheDir, { recursive: true });
});

const options = () => ({ endpoint: hub.endpoint, cacheDir, models: [tiny] });

/** The same with pauses written down instead of made. */
function openFiles(source: string = REPO, more: object = {}): Promise<FileSet> {
  const settings = hubSettings({ ...options(), ...more }, {});
  const pause = async (milliseconds: number) => void pauses.push(milliseconds);
  return openRemote(source, { ...settings, pause });
}
const load = async (source?: string, more?: object) => loadPretrained(await openFiles(source, more), options());

async function firstValue(model: Awaited<ReturnType<typeof load>>): Promise<number | undefined> {
  return (await (model.params as Params<ReturnType<typeof spec>>).head.data())[0];
}

async function refusal(promise: Promise<unknown>): Promise<SsmError> {
  const error = await promise.then(
    () => expect.unreachable('it was loaded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SsmError);
  return error as SsmError;
}

const storage = () => join(cacheDir, 'models--someone--tiny');
const blobs = async () => (await readdir(join(storage(), 'blobs'))).sort();
const isWeights = (path: string) => path.startsWith('/cdn/');
/** Sends some of a large file, then something happens. */
const after =
  (length: number, then: (response: Parameters<Fault>[1], end: number) => void): Fault =>
  ({ path, range }, response, bytes) => {
    if (!isWeights(path) || range === 'bytes=0-0' || !bytes) return false;
    const [, from] = /^bytes=(\d+)-$/.exec(range ?? '') ?? [];
    const start = Number(from ?? 0);
    const headers = {
      'content-length': String(bytes.length - start),
      ...(from && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    };
    response.writeHead(from ? 206 : 200, headers);
    response.write(bytes.subarray(start, start + length), () => then(response, start + length));
    return true;
  };
/** Ends the connection without a word. */
const dropAt =
  (wanted: string): Fault =>
  ({ range }, response) => {
    if (range === wanted) response.destroy();
    return range === wanted;
  };
/** Ends the connection once the bytes have come: what is on the way then may be lost. */
const drop = (length: number): Fault => after(length, (response, end) => void untilWritten(cacheDir, end).then(() => response.destroy()));

describe('a model on the Hub', () => {
  it('is loaded, and lies in the cache as Python would have put it', async () => {
    const progress: number[] = [];
    const loaded = await load(REPO, {
      token: 'secret',
      onProgress: (step: { file: string; loaded: number; total: number }) =>
        step.file === 'model.safetensors' && progress.push(step.loaded / step.total),
    });
    expect(loaded.model).toBe(tiny);
    expect([progress[0], progress.at(-1)]).toEqual([0, 1]);
    expect(await readFile(join(storage(), 'refs', 'main'), 'utf8')).toBe(COMMIT);
    const config = hub.files.get('config.json') as Uint8Array;
    expect(await blobs()).toEqual([etagOf(config), etagOf(weights)].sort());
    expect(await readlink(join(storage(), 'snapshots', COMMIT, 'model.safetensors'))).toBe(`../../blobs/${etagOf(weights)}`);
  });

  it('has its token sent to the endpoint and not where that redirects', async () => {
    await load(REPO, { token: 'secret' });
    for (const { path, authorization } of hub.seen)
      expect([path, authorization]).toEqual([path, isWeights(path) ? undefined : 'Bearer secret']);
    expect(hub.seen.some(({ path }) => isWeights(path))).toBe(true);
  });

  it('is fetched once: later, one question tells that nothing has changed', async () => {
    await load();
    hub.seen.length = 0;
    await load();
    expect(hub.seen.map(({ path, range }) => [path, range])).toEqual([[`/${REPO}/resolve/main/config.json`, 'bytes=0-0']]);
    hub.seen.length = 0;
    await load(REPO, { revision: COMMIT });
    await load(REPO, { offline: true });
    expect(hub.seen).toEqual([]);
  });

  it('is fetched anew where its branch has moved', async () => {
    const before = await firstValue(await load());
    for (const [name, bytes] of await filesOf(2)) hub.files.set(name, bytes);
    hub.commit = COMMIT.replaceAll('0', 'f');
    const after = await firstValue(await load());
    expect(after).not.toBe(before);
    expect(await firstValue(await load(REPO, { revision: COMMIT, offline: true }))).toBe(before);
  });

  it('is named by its page too, with a revision', async () => {
    await load(`${hub.endpoint}/${REPO}/tree/v1.0`);
    expect(hub.seen[0]?.path).toBe(`/${REPO}/resolve/v1.0/config.json`);
    expect(await readFile(join(storage(), 'refs', 'v1.0'), 'utf8')).toBe(COMMIT);
  });

  it('gives its other files', async () => {
    hub.files.set('tokenizer.json', new TextEncoder().encode('{}'));
    expect(await readText(await openFiles(), 'tokenizer.json')).toBe('{}');
    expect(await readText(await openFiles(), 'generation_config.json')).toBeUndefined();
    for (const name of ['../config.json', '/etc/passwd', '.git', 'a/../b', 'a/b/c'])
      expect((await refusal((await openFiles()).open(name))).code).toBe('OPTION');
  });
});

describe('a download', () => {
  it('goes on where a dropped connection left it', async () => {
    hub.faults.push(drop(10_000), drop(5_000));
    await load();
    expect(hub.seen.filter(({ path, range }) => isWeights(path) && range !== 'bytes=0-0').map(({ range }) => range)).toEqual([
      undefined,
      'bytes=10000-',
      'bytes=15000-',
    ]);
    expect((await blobs()).length).toBe(2);
  });

  it('starts again where the server gives no ranges', async () => {
    const whole: Fault = ({ path }, response, bytes) => {
      if (isWeights(path)) sendBytes(response, bytes, undefined, {});
      return isWeights(path);
    };
    hub.faults.push(drop(10_000), (seen, ...rest) => seen.range === 'bytes=10000-' && whole(seen, ...rest));
    await load();
    expect((await blobs()).length).toBe(2);
  });

  it('is refused where the server gives another length than it said', async () => {
    const shorter: Fault = ({ path, range }, response, bytes) => {
      if (isWeights(path) && range === undefined) sendBytes(response, bytes?.subarray(0, 9000), range, {});
      return isWeights(path) && range === undefined;
    };
    hub.faults.push(shorter);
    expect(await refusal(load())).toMatchObject({ code: 'NETWORK', message: expect.stringContaining('another file than it announced') });
    const silent = dropAt('bytes=9000-');
    hub.faults.push(drop(9000), ...Array.from({ length: 25 }, () => silent));
    expect((await refusal(load())).code).toBe('NETWORK');
    expect(await readdir(join(storage(), 'snapshots', COMMIT))).toEqual(['config.json']);
  });

  it('goes on in a later load', async () => {
    hub.faults.push(drop(12_345), ...Array.from({ length: 5 }, () => dropAt('bytes=12345-')));
    expect((await refusal(load())).message).toMatch(/cannot be reached/);
    expect((await blobs()).filter((name) => name.endsWith('.incomplete')).length).toBe(1);
    hub.seen.length = 0;
    await load();
    expect(hub.seen.map(({ range }) => range)).toContain('bytes=12345-');
    expect((await blobs()).length).toBe(2);
  });

  it('is refused where its content is not what was announced, and comes afresh the next time', async () => {
    hub.faults.push(({ path, range }, response, bytes) => {
      const isWhole = isWeights(path) && range === undefined && bytes !== undefined;
      if (isWhole)
        sendBytes(
          response,
          bytes.map((byte, i) => (i === 30_000 ? byte ^ 1 : byte)),
          range,
          {},
        );
      return isWhole;
    });
    expect(await refusal(load())).toMatchObject({ code: 'FILE', expected: `sha256 ${etagOf(weights)}` });
    expect((await blobs()).length).toBe(1);
    await load();
  });

  it('ends when it is told to, and keeps what has come', async () => {
    const controller = new AbortController();
    hub.faults.push(after(20_000, () => undefined)); // and then nothing more
    const onProgress = ({ loaded }: { loaded: number }) => loaded >= 20_000 && controller.abort(new Error('enough'));
    await expect(load(REPO, { signal: controller.signal, onProgress })).rejects.toThrow('enough');
    hub.seen.length = 0;
    await load();
    expect(hub.seen.map(({ range }) => range)).toContain('bytes=20000-');
  });
});

describe('a cache', () => {
  it('that cannot be written is told as such', async () => {
    await writeFile(join(cacheDir, 'file'), '');
    const error = await refusal(load(REPO, { cacheDir: join(cacheDir, 'file') }));
    expect([error.code, error.fix]).toEqual(['FILE', expect.stringContaining('HF_HUB_CACHE')]);
  });

  it('is never left by a revision', async () => {
    for (const revision of ['../../x', 'a/../../../x', '/etc', ''])
      expect((await refusal(openFiles(REPO, { revision }))).code).toBe('OPTION');
    expect((await refusal(openFiles(`${hub.endpoint}/${REPO}/tree/..%2F..%2Fx`))).code).toBe('OPTION');
  });
});

describe('a server that refuses', () => {
  it('is told apart: no such model, no access, no such file', async () => {
    expect((await refusal(load('someone/else'))).message).toMatch(/the server refuses access.*\n.*\n.*401, RepoNotFound\n.*HF_TOKEN/);
    hub.faults.push((_, response) => refuse(response, 403, 'GatedRepo'));
    expect((await refusal(load(REPO, { token: 'secret' }))).fix).toMatch(/gated/);
    hub.faults.push((_, response) => refuse(response, 404, 'RevisionNotFound'));
    expect((await refusal(load())).message).toMatch(/no such repository or revision/);
    hub.files.delete('model.safetensors');
    expect((await refusal(load())).message).toContain(`${REPO} holds no weights`);
    hub.files.delete('config.json');
    expect((await refusal(load())).message).toContain(`${REPO}/config.json is missing`);
  });

  it('is waited for as long as it asks', async () => {
    hub.faults.push(
      (_, response) => refuse(response, 429, 'TooMany', { 'retry-after': '7' }),
      (_, response) => refuse(response, 503, 'Busy'),
    );
    await load();
    expect(pauses).toEqual([7000, 1000]);
  });

  it('is not waited for an hour, and not asked for ever', async () => {
    hub.faults.push((_, response) => refuse(response, 429, 'TooMany', { 'retry-after': '3600' }));
    expect((await refusal(load())).message).toMatch(/too many requests/);
    hub.faults.push(...Array.from({ length: 5 }, (): Fault => (_, response) => refuse(response, 500, 'Broken')));
    expect((await refusal(load())).message).toMatch(/the server failed.*\n.*\n.*500/);
    expect(pauses).toEqual([500, 1000, 2000, 4000]);
  });

  it('is told from one that is not there', async () => {
    const error = await refusal(load(REPO, { endpoint: 'http://127.0.0.1:9' }));
    expect([error.code, error.fix]).toEqual([
      'NETWORK',
      'check the connection and HF_ENDPOINT; what is in the cache loads with { offline: true }',
    ]);
  });
});

describe('a folder on a web server', () => {
  it('is loaded by its URL and kept until it changes', async () => {
    const folder = `${hub.endpoint}/${REPO}/resolve/main/deeper`;
    for (const [name, bytes] of [...hub.files]) hub.files.set(`deeper/${name}`, bytes);
    const other = { endpoint: 'http://127.0.0.1:9' }; // so that the server is not taken for a Hub
    const first = await firstValue(await load(folder, other));
    hub.seen.length = 0;
    expect(await firstValue(await load(`${folder}/`, other))).toBe(first);
    expect(hub.seen.every(({ range }) => range === 'bytes=0-0')).toBe(true);
    for (const [name, bytes] of await filesOf(2)) hub.files.set(`deeper/${name}`, bytes);
    expect(await firstValue(await load(folder, other))).not.toBe(first);
  });
});
