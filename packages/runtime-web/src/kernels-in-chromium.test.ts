import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, preview } from 'vite';
import { describe, expect, it } from 'vitest';
import { findChromium } from '../../../scripts/lib/chromium.mjs';
import type { Found } from '../fixtures/kernels-page/checks';

const chromium = findChromium();
if (chromium === undefined && process.env.CI) throw new Error('there is no Chromium: apt-get install chromium, or name one in CHROMIUM');
if (chromium === undefined) process.stderr.write('kernels-in-chromium.test.ts is skipped: there is no Chromium\n');

/** SwiftShader computes WebGPU on the processor. To clear workgroup memory takes it up to a second per shader to compile. */
const FLAGS = [
  ...['--headless', '--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-sync'],
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
  '--enable-dawn-features=disable_workgroup_init',
];

/** Each compiles some shaders, half a second each here: short ones. KERNELS=all has all kernels on all samples, which takes minutes. */
const IN_PAGE = ['SsmRmsNorm', 'SsmCausalConv1d', 'SsmCrossEntropy', 'SsmCumsum'];
const IN_WORKER = ['SsmMatMul', 'SsmEmbedding', 'SsmSquareSum'];
const isAll = process.env.KERNELS === 'all';

/** Builds and serves the page, opens it in Chromium without a window, and waits for what it found. */
async function found(browser: string): Promise<Found[]> {
  const folder = mkdtempSync(join(tmpdir(), 'densessm-kernels-'));
  const common = {
    root: fileURLToPath(new URL('../fixtures/kernels-page', import.meta.url)),
    configFile: false,
    logLevel: 'error',
  } as const;
  const resolve = { conditions: ['@densessm/source', 'module', 'browser', 'production'] };
  await build({ ...common, resolve, worker: { format: 'es' }, build: { outDir: join(folder, 'dist'), target: 'es2022', minify: false } });
  let answer: (body: string) => void = () => undefined;
  const answered = new Promise<string>((take) => {
    answer = take;
  });
  const listener: Plugin = {
    name: 'listener',
    configurePreviewServer: ({ middlewares }) =>
      void middlewares.use('/found', (request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (part: string) => {
          body += part;
        });
        request.on('end', () => {
          response.end();
          answer(body);
        });
      }),
  };
  const server = await preview({
    ...common,
    plugins: [listener],
    build: { outDir: join(folder, 'dist') },
    preview: { port: 0, host: '127.0.0.1' },
  });
  const query = isAll ? '' : `?page=${IN_PAGE}&worker=${IN_WORKER}`;
  const url = new URL(query, server.resolvedUrls?.local[0]).href;
  const env = { ...process.env, TMPDIR: folder }; // where it leaves something when it is ended
  const child = spawn(browser, [...FLAGS, `--user-data-dir=${join(folder, 'profile')}`, url], { stdio: 'ignore', env });
  const gone = new Promise<void>((end) => child.once('exit', () => end()).once('error', () => end()));
  try {
    const body = await Promise.race([
      answered,
      gone.then(() => JSON.stringify({ failed: `${browser} ended before the page had answered` })),
    ]);
    const report = JSON.parse(body) as Found[] | { failed: string };
    if ('failed' in report) throw new Error(report.failed);
    return report;
  } finally {
    child.kill();
    await gone;
    await server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

describe.skipIf(chromium === undefined)('WebGPU in Chromium', () => {
  it('computes the kernels as their references do, in a page and in a worker', { timeout: isAll ? 3_600_000 : 600_000 }, async () => {
    const [page, worker] = await found(chromium as string);
    for (const { device, off } of [page as Found, worker as Found]) {
      expect(device).toMatch(/^webgpu: /);
      expect(off).toEqual([]);
    }
    expect([page?.quantities, worker?.quantities].every((count) => (count ?? 0) >= 10)).toBe(true);
  });
});
