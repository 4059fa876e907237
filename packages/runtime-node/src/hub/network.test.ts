import { createHash } from 'node:crypto';
import fs, { chmod, mkdtemp, readdir, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type FileSet, readText } from '@densessm/checkpoint';
import { SsmError } from '@densessm/ssm-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMMIT, type Fault, type HubServer, REPO, startHub, untilWritten } from '../../fixtures/hub-server';
import { openRemote } from '../pretrained';
import { hubSettings } from './options';

/** What the file system does: tests may run as a user for whom nothing is read-only. */
const disk = { isReadOnly: false, room: {} as { bavail?: number; bsize?: number } };
const WRITING = ['mkdir', 'rename', 'writeFile', 'symlink', 'link', 'rm'] as const;
const real = { ...fs };
beforeAll(() => {
  const refused = () => Promise.reject(Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS', syscall: 'open' }));
  for (const name of WRITING) {
    const act = real[name] as (...args: unknown[]) => Promise<unknown>;
    Object.assign(fs, { [name]: (...args: unknown[]) => (disk.isReadOnly ? refused() : act(...args)) });
  }
  Object.assign(fs, { statfs: async (path: string) => Object.assign(await real.statfs(path), disk.room) });
  syncBuiltinESMExports();
});
afterAll(() => {
  Object.assign(fs, real);
  syncBuiltinESMExports();
});

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const weights = Uint8Array.from({ length: 40_000 }, (_, i) => (i * i) >> 8);
const NAME = 'model.safetensors';
const { setInterval: every, clearInterval: end } = globalThis;
let hub: HubServer;
let cacheDir: string;

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'hub-network-'));
  hub = await startHub(
    new Map([
      ['config.json', new TextEncoder().encode('{}')],
      [NAME, weights],
    ]),
  );
});
afterEach(async () => {
  Object.assign(disk, { isReadOnly: false, room: {} });
  await hub.close();
  await rm(cacheDir, { recursive: true });
});

function files(more: object = {}, environment: Record<string, string> = {}): Promise<FileSet> {
  const settings = hubSettings({ endpoint: hub.endpoint, cacheDir, ...more }, { HF_HOME: cacheDir, ...environment });
  return openRemote(REPO, { ...settings, pause: async () => time.stand() });
}
async function read(name = NAME, more: object = {}, environment: Record<string, string> = {}): Promise<string | undefined> {
  const file = await (await files(more, environment)).open(name);
  try {
    return file && hash(await file.read(0, file.size));
  } finally {
    await file?.close();
  }
}
const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable('it was read'),
    (reason: unknown) => reason,
  );
const snapshot = (name: string) => join(cacheDir, 'models--someone--tiny', 'snapshots', COMMIT, name);
const isBody = (seen: { path: string; range: string | undefined }) => seen.path.startsWith('/cdn/') && seen.range !== 'bytes=0-0';

/** Time that passes only while the server is silent, until the client gives up waiting for it: so none of the other requests is ever late. */
const time = {
  passing: undefined as NodeJS.Timeout | undefined,
  pass: () => {
    time.passing ??= every(() => vi.advanceTimersByTime(1000), 1);
  },
  stand: () => {
    end(time.passing);
    time.passing = undefined;
  },
};

describe('a server that falls silent', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
  afterEach(() => {
    time.stand();
    vi.useRealTimers();
  });
  const silent: Fault = () => {
    time.pass();
    return true;
  };
  const silentAfter =
    (count: number): Fault =>
    (seen, response, bytes) => {
      if (!isBody(seen) || !bytes) return false;
      const from = Number(/\d+/.exec(seen.range ?? '')?.[0] ?? 0);
      const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
      response.writeHead(seen.range ? 206 : 200, { 'content-length': bytes.length - from, ...(seen.range && range) });
      response.flushHeaders();
      response.write(bytes.subarray(from, from + count));
      void untilWritten(cacheDir, from + count).then(time.pass);
      return true;
    };

  it('before the headers is asked once more and then given up', async () => {
    hub.faults.push(silent);
    expect(await read(NAME, { stallTimeoutMs: 1000 })).toBe(hash(weights));
    hub.faults.push(silent, silent);
    expect(await refusal(read('other.json', { stallTimeoutMs: 1000 }))).toMatchObject({
      code: 'NETWORK',
      message: expect.stringContaining('the server sends nothing'),
    });
  });

  it('in the middle of a body is asked for the rest', async () => {
    hub.faults.push(silentAfter(10_000), silentAfter(5000));
    expect(await read(NAME, { stallTimeoutMs: 1000 })).toBe(hash(weights));
    expect(hub.seen.filter(isBody).map(({ range }) => range)).toEqual([undefined, 'bytes=10000-', 'bytes=15000-']);
  });

  it('and never gives another byte is given up', async () => {
    hub.faults.push(silentAfter(10_000), silentAfter(0), silentAfter(0));
    expect(await refusal(read(NAME, { stallTimeoutMs: 1000 }))).toMatchObject({ expected: 'a byte within 1 s' });
  });
});

describe('a size', () => {
  it('of a text that is too large is refused before a byte of it comes', async () => {
    hub.faults.push((_, response) => {
      response.writeHead(206, { etag: '"a"', 'x-repo-commit': COMMIT, 'content-range': 'bytes 0-0/99999999999' }).end('x');
      return true;
    });
    expect(await refusal(files().then((set) => readText(set, 'config.json')))).toMatchObject({ code: 'FILE', got: '99999999999' });
    expect(hub.seen.length).toBe(1);
  });

  it('for which the disk has no room is refused before a byte of it comes', async () => {
    disk.room = { bavail: 1, bsize: 4096 };
    expect(await refusal(read())).toMatchObject({ code: 'FILE', message: expect.stringMatching(/no room[\s\S]*4096 bytes/) });
    expect(hub.seen.filter(isBody)).toEqual([]);
  });

  it.each(['', '-5', '1e30', 'many'])('that is none (%j) is refused', async (size) => {
    hub.faults.push((_, response) => {
      response.writeHead(206, { etag: '"a"', 'content-range': `bytes 0-0/${size}` }).end('x');
      return true;
    });
    expect(await refusal(read())).toMatchObject({ code: 'NETWORK' });
  });
});

it.each([
  ['an error', new Error('enough')],
  ['a text', 'enough'],
  ['what looks like a missing file', Object.assign(new Error('gone'), { statusCode: 404 })],
  ['what looks like a full disk', Object.assign(new Error('full'), { syscall: 'write' })],
  ['an SsmError', new SsmError({ code: 'STATE', what: 'a', expected: 'b', got: 'c', fix: 'd' })],
])('an abort stays an abort, whether its reason is %s or nothing', async (_, reason) => {
  for (const isAt of [(seen: { path: string }) => !seen.path.startsWith('/cdn/'), isBody]) {
    const controller = new AbortController();
    hub.faults.push((seen) => {
      if (isAt(seen)) controller.abort(reason);
      return isAt(seen);
    });
    expect(await refusal(read(NAME, { signal: controller.signal }))).toBe(reason);
  }
  expect(await refusal(read(NAME, { signal: AbortSignal.abort() }))).toMatchObject({ name: 'AbortError' });
});

describe('a complete cache', () => {
  it('loads on a read-only file system, online and offline, as with Python', async () => {
    for (const name of ['config.json', NAME]) await read(name);
    await rm(join(cacheDir, 'models--someone--tiny', '.verified'), { recursive: true });
    disk.isReadOnly = true;
    for (const offline of [false, true]) expect(await read(NAME, { offline })).toBe(hash(weights));
    hub.commit = COMMIT.replaceAll('0', 'f');
    expect(await refusal(read(NAME))).toMatchObject({ code: 'FILE', message: expect.stringContaining('cannot be written') });
  });

  it('of real files in place of links loads too', async () => {
    await read();
    const blob = await realpath(snapshot(NAME));
    await rm(snapshot(NAME));
    await writeFile(snapshot(NAME), weights);
    await rm(blob);
    disk.isReadOnly = true;
    expect(await read()).toBe(hash(weights));
    expect(await read(NAME, { offline: true })).toBe(hash(weights));
  });

  it('is verified once: a changed blob is fetched afresh online, and refused offline', async () => {
    await read();
    const blob = await realpath(snapshot(NAME));
    await chmod(blob, 0o644);
    await writeFile(blob, new Uint8Array(weights.length));
    expect(await refusal(read(NAME, { offline: true }))).toMatchObject({ code: 'FILE', expected: expect.stringMatching(/^sha256 /) });
    expect(await read()).toBe(hash(weights));
    await utimes(blob, 1, 1);
    expect(await read(NAME, { offline: true })).toBe(hash(weights));
    expect(await readdir(join(cacheDir, 'models--someone--tiny', '.verified'))).toEqual([basename(blob)]);
  });

  it('that is not there says offline that one load online makes it', async () => {
    const error = await refusal(read('config.json', { offline: true }));
    expect((error as SsmError).message.replaceAll(cacheDir, '(cache)')).toMatchInlineSnapshot(`
      "someone/tiny: nothing of it is in the cache, and offline no server is asked.
        expected  revision main in (cache)/models--someone--tiny
        got       nothing
        fix       load once online, without HF_HUB_OFFLINE: from then on it loads with { offline: true }"
    `);
    expect(hub.seen).toEqual([]);
    expect(await readdir(cacheDir)).toEqual([]);
  });
});

describe('a proxy', () => {
  const passed: string[] = [];
  let proxy: Server;
  let address: string;
  beforeEach(async () => {
    passed.length = 0;
    proxy = createServer((incoming, outgoing) => {
      passed.push(`${incoming.method} ${incoming.headers['proxy-authorization'] ?? '-'}`);
      const { method, headers, url = '' } = incoming;
      request(new URL(url), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      }).end();
    });
    proxy.on('connect', (incoming, socket) => {
      passed.push(`CONNECT ${incoming.url}`);
      socket.end('HTTP/1.1 502 no\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });

  it('that HTTP_PROXY names is used, with its password, unless NO_PROXY names the host', async () => {
    expect(await read(NAME, {}, { HTTP_PROXY: `http://me:secret@${address}` })).toBe(hash(weights));
    expect(new Set(passed)).toEqual(new Set([`GET Basic ${btoa('me:secret')}`]));
    passed.length = 0;
    expect(await read('config.json', {}, { HTTP_PROXY: address, NO_PROXY: '127.0.0.1' })).toBeDefined();
    expect(await read('config.json', {}, { HTTPS_PROXY: address })).toBeDefined();
    expect(passed).toEqual([]);
  });

  it('that HTTPS_PROXY names is asked for a tunnel, and named where it refuses', async () => {
    const error = await refusal(read('config.json', { endpoint: 'https://hub.invalid' }, { HTTPS_PROXY: address }));
    expect(error).toMatchObject({ code: 'NETWORK', fix: expect.stringContaining('HTTPS_PROXY') });
    expect(passed[0]).toBe('CONNECT hub.invalid:443');
  });
});
