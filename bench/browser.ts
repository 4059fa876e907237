/**
 * `node scripts/run.mjs bench/browser.ts`: the speed of the WebAssembly and WebGPU kernels in a browser, on a cross-origin isolated page that it builds
 * and serves, as a table; FIGURES keeps them (lib/keep.ts). Without more, it prints an address to be opened in any browser; `--chromium /usr/bin/chromium` opens it in that one, without a window.
 * Options: --flags (of that browser, `--enable-unsafe-webgpu` say), --threads (the most; all cores unless given), --rounds, --layers.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Connect, type Plugin, preview } from 'vite';
import { keepForDocs } from './lib/keep';
import type { Figure } from './lib/measured';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { chromium: text, flags: text, threads: text, rounds: text, layers: text } });
const { chromium, flags = '', ...asked } = values;

const folder = mkdtempSync(join(tmpdir(), 'densessm-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
process.once('SIGINT', () => process.exit(130));

let end: (code: number) => void = () => undefined;
const ended = new Promise<number>((resolve) => {
  end = resolve;
});

const keepFigures = ({ agent, figures }: { agent: string; figures: Figure[] }): void =>
  keepForDocs(new Date().toISOString(), agent, figures);

const answer: Connect.NextHandleFunction = (request, response, next) => {
  if (request.method !== 'POST') return next();
  let line = '';
  request.setEncoding('utf8').on('data', (part: string) => {
    line += part;
  });
  request.on('end', () => {
    response.end();
    if (request.url === '/line') console.log(line);
    if (request.url === '/figures') keepFigures(JSON.parse(line));
    if (request.url === '/failed') console.error(line);
    if (!['/line', '/figures'].includes(request.url ?? '')) end(request.url === '/end' ? 0 : 1);
  });
};
const listener: Plugin = { name: 'listener', configurePreviewServer: ({ middlewares }) => void middlewares.use(answer) };

const root = fileURLToPath(new URL('browser', import.meta.url));
const common = { root, configFile: false, logLevel: 'error' } as const;
const resolve = { conditions: ['@densessm/source', 'module', 'browser', 'production'] };
await build({ ...common, resolve, build: { outDir: folder, target: 'es2022' } });
const require = createRequire(new URL('../packages/runtime-web/package.json', import.meta.url));
const WASM = 'tfjs-backend-wasm-simd.wasm';
copyFileSync(require.resolve(`@tensorflow/tfjs-backend-wasm/dist/${WASM}`), join(folder, WASM));

const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const server = await preview({
  ...common,
  plugins: [listener],
  build: { outDir: folder },
  preview: { port: 0, host: '127.0.0.1', headers },
});
const address = new URL(`?${new URLSearchParams(asked as Record<string, string>)}`, server.resolvedUrls?.local[0]);

let close = async (): Promise<void> => undefined;
if (chromium === undefined) console.log(`Open ${address.href}`);
else {
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];
  const profile = `--user-data-dir=${join(folder, 'profile')}`;
  const browser = spawn(chromium, ['--headless', '--no-sandbox', ...quiet, ...flags.split(' ').filter(Boolean), profile, address.href], {
    stdio: 'ignore',
  });
  const gone = new Promise<void>((resolve) => {
    browser.on('exit', resolve).on('error', (error) => {
      console.error(`${chromium} does not start: ${error.message}`);
      resolve();
    });
  });
  void gone.then(() => end(1)); // before the page has said that it is ready
  close = () => {
    browser.kill();
    return gone;
  };
}
const code = await ended;
await close();
process.exit(code);
