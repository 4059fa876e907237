// A plain static host under a sub-path, without any special header, and a Chromium: what the demo must be content with.
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';
import { findChromium } from '../../../scripts/lib/chromium.mjs';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** @param {string} folder @param {{ base?: string, headers?: Record<string, string>, port?: number }} [options] */
export async function serve(folder, { base = '/somewhere/demo/', headers = {}, port = 0 } = {}) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname);
    const inside = path.startsWith(base) ? normalize(path.slice(base.length) || 'index.html') : '..';
    const file = join(folder, inside);
    try {
      if (inside.startsWith('..') || !statSync(file).isFile()) throw new Error('not here');
    } catch {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Length': statSync(file).size,
      ...headers,
    });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  const url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}${base}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url, close };
}

/** @type {string[]} */
const folders = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that goes with this process. */
export function temporary() {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  folders.push(folder);
  return folder;
}

/** SwiftShader computes WebGPU on the processor where a test asks for it. To clear workgroup memory takes it up to a second per shader to compile. */
const WEBGPU = [
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
  '--enable-dawn-features=disable_workgroup_init',
];

/** A bound for what hangs: nothing that is waited for depends on how fast the machine is. */
export const PATIENCE = 600_000;

/** @param {{ hasWebGpu?: boolean }} [options] */
export const launch = ({ hasWebGpu = false } = {}) =>
  chromium.launch({
    executablePath: findChromium(),
    args: ['--no-sandbox', ...(hasWebGpu ? WEBGPU : ['--disable-gpu'])],
    timeout: PATIENCE,
  });
