/** The page without a bundler, as it stands: what it asks of a CDN and of the Hub is answered from this repository. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Route } from 'playwright-core';
import { root } from '../../scripts/lib/command.mjs';

const PAGE = 'https://page.test/';
const model = join(root, 'apps', 'demo', 'public', 'models', 'plain');
const anyOrigin = { 'access-control-allow-origin': '*', 'access-control-expose-headers': '*' };

/** As a CDN for modules serves a package: one module for browsers, with one copy of TensorFlow.js. */
async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: "export * from 'densessm';", resolveDir: join(root, 'docs') },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'error',
    conditions: ['@densessm/source', 'browser'],
  });
  return outputFiles[0]?.text ?? '';
}

/** Problems in words; none where the page shows a text. */
export async function checkCdn(browser: Browser): Promise<string[]> {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', ({ message }) => problems.push(`samples/cdn.html: ${message}`));
  const answer = async (route: Route): Promise<void> => {
    const { hostname, pathname } = new URL(route.request().url());
    const send = (body: string | Buffer, contentType: string) => route.fulfill({ body, contentType, headers: anyOrigin });
    if (hostname === 'page.test')
      return send(await readFile(join(root, 'docs', 'samples', 'cdn.html'), 'utf8'), 'text/html; charset=utf-8');
    if (hostname === 'esm.sh' && pathname === '/densessm') return send(await bundled(), 'text/javascript');
    if (pathname.startsWith('/npm/@tensorflow/')) {
      const file = pathname.replace('/npm/', '').replace(/@4\.22\.0/, '');
      return send(await readFile(createRequire(import.meta.url).resolve(file)), 'application/wasm');
    }
    const file = hostname === 'huggingface.co' ? await readFile(join(model, basename(pathname))).catch(() => undefined) : undefined;
    return file ? send(file, 'application/octet-stream') : route.fulfill({ status: 404, body: '', headers: anyOrigin });
  };
  await page.route('**/*', answer);
  await page.goto(PAGE);
  const shows = page.waitForFunction(() => (document.querySelector('#text')?.textContent ?? '').length > 20, undefined, {
    timeout: 600_000, // for what hangs
  });
  await shows.catch(() => problems.push('samples/cdn.html writes no text'));
  await page.close();
  return problems;
}
