// What the checks in a browser share: a built page on a server, Chromium (its path is the program's argument), a model's files.
import { pretrainedFiles } from '@densessm/checkpoint';
import { disposeTree, modelFor } from '@densessm/ssm-core';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { models } from './sessions.mjs';

const QUIET = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];

/** A bound for what hangs: nothing that is waited for depends on how fast the machine is. */
export const PATIENCE_MS = 600_000;

export const launch = () =>
  chromium.launch({ executablePath: process.argv[2], args: ['--headless', '--no-sandbox', ...QUIET], timeout: PATIENCE_MS });

/** A page that waits as long as a slow machine takes. */
export async function patientPage(browser) {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

/** Looks every 50 ms until it holds. */
export async function until(holds) {
  for (let ms = 0; !(await holds()); ms += 50) {
    if (ms > PATIENCE_MS) throw new Error(`it does not come to hold: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Builds a page into `dist/<its name>`, or takes what was built there before, and serves it. */
export async function serve(page, { headers = {}, isBuilt = false } = {}) {
  const outDir = `dist/${page.replace('.html', '')}`;
  const options = { target: 'es2022', minify: false, outDir, rollupOptions: { input: page } };
  if (!isBuilt) await build({ logLevel: 'error', worker: { format: 'es' }, build: options });
  const server = await preview({ logLevel: 'warn', build: { outDir }, preview: { port: 0, host: '127.0.0.1', headers } });
  return { outDir, url: new URL(page, server.resolvedUrls.local[0]).href, close: () => server.close() };
}

/** A page, with the functions that it puts into `globalThis.side`. */
export async function openPage(browser, url) {
  const page = await patientPage(browser);
  page.on('pageerror', (error) => console.error(`in the page: ${error.stack}`));
  const open = async () => {
    await page.goto(url);
    await page.waitForFunction(() => 'side' in globalThis);
  };
  await open();
  const call = (what, list) => page.evaluate(([name, given]) => globalThis.side[name](...given), [what, list]);
  const side = new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : (...given) => call(name, given)) });
  return { page, side, reload: open };
}

/** A fresh model as files. */
export async function filesOf(json, options = {}) {
  const model = modelFor(json, models);
  const config = model.parseConfig(json);
  const params = model.init(config, 3);
  const files = [];
  for (const { name, pieces } of pretrainedFiles({ model, config, params }, options)) {
    const parts = [];
    for await (const piece of pieces) parts.push(piece.slice());
    files.push({ name, bytes: Buffer.concat(parts) });
  }
  disposeTree(params);
  return files;
}
