/**
 * `npm run program -- docs/scripts/check-next.ts`: builds the Next application of docs/samples/next on the packed packages, serves it, and opens it in
 * Chromium: its page writes in a worker, its route on the server. Takes minutes and fetches Next; `npm test` checks the samples' types.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { findChromium } from '../../scripts/lib/chromium.mjs';
import { capture, root, tail } from '../../scripts/lib/command.mjs';
import { npmInstall } from '../../scripts/lib/npm.mjs';
import { buildAll, changeManifest, packAll, withTarballs } from '../../scripts/lib/pack.mjs';
import { setup } from '../../scripts/setup.mjs';

const PROMPT = 'Once upon a time';
const say = (text: string): void => void process.stdout.write(`next  ${text}\n`);

const folder = mkdtempSync(join(tmpdir(), 'densessm-next-'));
const app = join(folder, 'app');
const env = { ...(await setup()), NEXT_TELEMETRY_DISABLED: '1' };

/** Runs Next, and fails with what it said. */
async function next(...args: string[]): Promise<string> {
  const { code, output } = await capture([process.execPath, 'node_modules/next/dist/bin/next', ...args], { cwd: app, env });
  assert.equal(code, 0, tail(output, 60));
  return output;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function isServed(url: string): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt++) {
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`nothing answers at ${url}`);
}

async function checkPage(url: string): Promise<void> {
  const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on(
      'console',
      (message) => ['error', 'warning'].includes(message.type()) && complaints.push(`${message.text()} ${message.location().url}`),
    );
    page.on('pageerror', (error) => complaints.push(String(error.stack)));
    await page.goto(url);
    assert.equal(await page.evaluate(() => globalThis.crossOriginIsolated), true, 'threads');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Go on', disabled: false }).waitFor({ timeout: 60_000 });
    const text = (await page.getByText(PROMPT).textContent()) ?? '';
    assert.ok(text.length > PROMPT.length, `the page wrote: ${text}`);
    assert.deepEqual(
      complaints.filter((one) => !one.endsWith('/favicon.ico')), // the sample has no icon
      [],
      'the console',
    );
    say(`the page wrote ${JSON.stringify(text)} in a worker with threads`);
  } finally {
    await browser.close();
  }
}

async function checkRoute(url: string): Promise<void> {
  const response = await fetch(`${url}/api/story`, { method: 'POST', body: JSON.stringify({ prompt: PROMPT }) });
  const text = await response.text();
  assert.ok(response.ok && text.length > 0, `${response.status}: ${text}`);
  say(`the route wrote ${JSON.stringify(text)} on the server`);
}

try {
  const built = await buildAll(env);
  assert.equal(built.code, 0, tail(built.output, 60));
  const tarballs = await packAll(env, join(folder, 'tarballs'));
  cpSync(join(root, 'docs', 'samples', 'next'), app, { recursive: true });
  const model = join(root, 'tests', 'consumers', 'node-esm', 'models', 'whole');
  for (const place of [join(app, 'my-model'), join(app, 'public', 'my-model')]) cpSync(model, place, { recursive: true });
  const addresses = new Map([...tarballs].map(([name, path]) => [name, pathToFileURL(path).href]));
  changeManifest(app, (manifest) => withTarballs(manifest, addresses));
  await npmInstall(app);
  const wasm = 'tfjs-backend-wasm-simd.wasm';
  cpSync(join(app, 'node_modules', '@tensorflow', 'tfjs-backend-wasm', 'dist', wasm), join(app, 'public', wasm));
  const output = await next('build');
  say(
    output
      .split('\n')
      .find((line) => /Next\.js \d/.test(line))
      ?.trim() ?? 'built',
  );
  const port = await freePort();
  const server = spawn(process.execPath, ['node_modules/next/dist/bin/next', 'start', '-p', String(port), '-H', '127.0.0.1'], {
    cwd: app,
    env,
  });
  try {
    const url = `http://127.0.0.1:${port}`;
    await isServed(url);
    await checkPage(url);
    await checkRoute(url);
  } finally {
    server.kill();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
