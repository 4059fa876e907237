// @densessm/server in a service worker: a page gets answers, streams, and ends one by leaving it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { build, preview } from 'vite';
import { patientPage } from './host.mjs';

const outDir = 'dist/service';

export async function checkServiceWorker(browser) {
  const output = { format: 'iife', entryFileNames: 'worker.js', inlineDynamicImports: true };
  const rollupOptions = { input: 'browser/service-worker.mjs', output };
  await build({ logLevel: 'error', build: { target: 'es2022', minify: false, outDir, rollupOptions } });
  writeFileSync(`${outDir}/index.html`, '<!doctype html><title>service worker</title>');
  const server = await preview({ logLevel: 'warn', build: { outDir }, preview: { port: 0, host: '127.0.0.1' } });
  const page = await patientPage(browser);
  try {
    await page.goto(server.resolvedUrls.local[0]);
    const seen = await page.evaluate(inPage);
    assert.deepEqual(seen, { text: 'AAA', last: '[DONE]', left: '0' });
  } finally {
    await page.close();
    await server.close();
  }
}

/** Runs in the page. */
async function inPage() {
  const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve));
  await navigator.serviceWorker.register('/worker.js');
  await controlled;
  const until = async (holds) => {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50)); // the whole ends with the time of its process
  };
  await until(async () => (await fetch('/health')).ok);
  const post = (body, signal) => {
    const fields = { prompt: 'a', logit_bias: { 65: 100 }, ignore_eos: true, ...body };
    return fetch('/v1/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(fields),
      signal,
    });
  };
  const { choices } = await (await post({ max_tokens: 3 })).json();
  const events = (await (await post({ max_tokens: 3, stream: true })).text()).trim().split('\n\n');
  const leave = new AbortController();
  const endless = await post({ max_tokens: 4000, stream: true }, leave.signal);
  await endless.body.getReader().read();
  leave.abort();
  let left;
  await until(async () => {
    left = /^densessm_requests_processing (\d+)/m.exec(await (await fetch('/metrics')).text())?.[1];
    return left === '0';
  });
  return { text: choices[0].text, last: events.at(-1).replace('data: ', ''), left };
}
