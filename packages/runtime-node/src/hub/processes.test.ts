import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMMIT, etagOf, type HubServer, startHub } from '../../fixtures/hub-server';

const weights = Uint8Array.from({ length: 40_000 }, (_, i) => (i * i) >> 8);
/** What the program says of files that came whole. */
const said = `2 ${etagOf(weights)}`;
const source = fileURLToPath(new URL('../../fixtures/load-from-hub.ts', import.meta.url));

let program: string;
let hub: HubServer;
let cacheDir: string;
const children: ChildProcess[] = [];

/** The program and our packages as one file of JavaScript, so that each process starts soon. It lies where Node finds the others. */
beforeAll(async () => {
  const outDir = await mkdtemp(fileURLToPath(new URL('../../node_modules/.load-from-hub-', import.meta.url)));
  program = join(outDir, 'load-from-hub.js');
  const conditions = ['@densessm/source'];
  const ssr = { noExternal: [/^@densessm\//], resolve: { conditions } };
  await build({ configFile: false, logLevel: 'error', resolve: { conditions }, ssr, build: { ssr: source, outDir, minify: false } });
});
afterAll(() => rm(dirname(program), { recursive: true }));

beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'hub-cache-'));
  const files = new Map([
    ['config.json', new TextEncoder().encode('{}')],
    ['model.safetensors', weights],
  ]);
  hub = await startHub(files);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await hub.close();
  await rm(cacheDir, { recursive: true });
});

/** A process of its own that loads the model; `text` is what it said, once it has ended. */
function start(): { child: ChildProcess; text: Promise<string> } {
  const child = spawn(process.execPath, [program, hub.endpoint, cacheDir], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  return { child, text: new Promise((resolve) => child.on('close', () => resolve(output))) };
}

const storage = () => join(cacheDir, 'models--someone--tiny');
const blobs = async () => (await readdir(join(storage(), 'blobs'))).sort();
const whole = () => [...hub.files.values()].map(etagOf).sort();
const isDownload = ({ path, range }: { path: string; range: string | undefined }) => path.startsWith('/cdn/') && range !== 'bytes=0-0';

/** Sends half of the weights to whoever asks next, and calls when that is out. */
function sendHalf(sent: (end: () => void) => void): void {
  hub.faults.push((seen, response, bytes) => {
    if (!isDownload(seen) || !bytes) return false;
    const half = bytes.length >> 1;
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(0, half), () => sent(() => response.end(bytes.subarray(half))));
    return true;
  });
}

describe('several processes', () => {
  it('load the same model at the same time, each whole', async () => {
    const waiting: (() => void)[] = [];
    const sent = (end: () => void): void => {
      waiting.push(end);
      if (waiting.length === 2) for (const one of waiting) one(); // both are in the middle of it
    };
    sendHalf(sent);
    sendHalf(sent);
    expect(await Promise.all([start(), start()].map(({ text }) => text))).toEqual([said, said]);
    expect(await blobs()).toEqual(whole());
    expect((await readdir(join(storage(), 'snapshots', COMMIT))).sort()).toEqual(['config.json', 'model.safetensors']);
  });
});

describe('a process that is killed in the middle of a download', () => {
  it('leaves nothing that looks finished, and the next one goes on where it stopped', async () => {
    const { child, text } = start();
    const isHalfway = new Promise<void>((resolve) => sendHalf(() => resolve()));
    expect(await Promise.race([isHalfway, text])).toBeUndefined();
    const written = async () => {
      const unfinished = (await blobs()).filter((name) => name.endsWith('.incomplete'));
      return Promise.all(unfinished.map(async (name) => (await stat(join(storage(), 'blobs', name))).size > 0));
    };
    await expect.poll(written).toEqual([true]);
    child.kill('SIGKILL');
    await text;
    expect(await readdir(join(storage(), 'snapshots', COMMIT))).toEqual(['config.json']);
    expect((await blobs()).filter((name) => whole().includes(name)).length).toBe(1); // the config
    hub.seen.length = 0;
    expect(await start().text).toBe(said);
    const asked = hub.seen.filter(isDownload).map(({ range }) => range);
    expect(asked).toEqual([expect.stringMatching(/^bytes=\d+-$/)]);
    expect(await blobs()).toEqual(whole());
  });
});
