// `node browser/runtime-check.mjs CHROMIUM`: @densessm/runtime-web in pages with and without cross-origin isolation.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadPretrainedFiles } from '@densessm/checkpoint';
import { startBackend } from '@densessm/runtime-node';
import { filesOf, launch, openPage, patientPage, serve, until } from './host.mjs';
import { checkServiceWorker } from './service-check.mjs';
import * as sessions from './sessions.mjs';
import { answer, step } from './training.mjs';

const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** A small model in a folder of what is served, in each way to keep weights, and what Node makes of it. */
async function putModel(outDir) {
  const files = await filesOf(sessions.configs.mamba);
  await sessions.load('mamba', blobsOf(files));
  const { text } = await sessions.begin('mamba');
  const logits = { 'my-model': await put(`${outDir}/my-model`, files) };
  for (const dtype of ['INT8', 'INT4']) logits[dtype] = await put(`${outDir}/${dtype}`, await filesOf(sessions.configs.mamba, { dtype }));
  assert.equal(new Set(Object.values(logits)).size, 3, 'integers are other weights');
  return { logits, text, files: files.map(({ name, bytes }) => ({ name, text: bytes.toString('base64') })) };
}

const blobsOf = (files) => files.map(({ name, bytes }) => new File([bytes], name));

async function put(folder, files) {
  mkdirSync(folder);
  for (const { name, bytes } of files) writeFileSync(`${folder}/${name}`, bytes);
  return answer(await loadPretrainedFiles(blobsOf(files), { models: sessions.models }));
}

async function checkIsolated(browser, url, node) {
  const { page, side, reload } = await openPage(browser, url);
  assert.equal(await side.isIsolated(), true);
  const { reason, results } = await onThreads(side, [2, 1, 2]);
  for (const result of results) assert.deepEqual(result, results[0], 'a training step on 1 and 2 threads');
  assert.equal(results[0].leftBehind, 0, 'tensors left behind');
  const isSame = reason.includes('relaxed') === node.reason.includes('relaxed');
  if (isSame) assert.deepEqual(results[0], node.step, 'a training step in Node and in the page');
  const ranges = [];
  page.on('request', (request) => /my-model\/(?!files\.json)/.test(request.url()) && ranges.push(request.headers().range));
  const logits = {};
  for (const name of Object.keys(node.logits)) logits[name] = await side.answer(`./${name}`);
  if (isSame) assert.deepEqual(logits, node.logits, 'logits of models that were loaded over HTTP');
  if (isSame) assert.equal(await side.session('mamba', node.files), node.text, 'text that was generated on two threads');
  assert.equal(ranges.length, 2, 'requests of the first visit');
  await reload();
  await side.start({ threads: 2 });
  assert.equal(await side.answer('./my-model'), logits['my-model'], 'logits of the second visit');
  assert.deepEqual(ranges.slice(2), ['bytes=0-0', 'bytes=0-0'], 'requests of the second visit');
  const inWorker = await side.inWorker();
  assert.match(inWorker.reason, /, 2 threads, /);
  assert.deepEqual(inWorker.step, results[0], "a training step in a worker of the page's own");
  assert.match(await side.answer('./no-model'), /^FILE http.*no-model\/config.json is missing/);
  await page.close();
  return { isSame, right: results[0] };
}

async function onThreads(side, numbers) {
  let reason = '';
  const results = [];
  for (const threads of numbers) {
    reason = await side.start({ device: 'wasm', threads });
    assert.match(reason, threads === 1 ? /one thread, / : new RegExp(`, ${threads} threads, `));
    results.push(await side.step());
  }
  return { reason, results };
}

/** Workers that die, and that do not start. */
async function checkWorkers(browser, url, right) {
  const { page, side, reload } = await openPage(browser, url);
  await side.breakWorkers();
  assert.match(await side.start({ threads: 2 }), /2 threads/);
  let result;
  for (let tries = 0; tries < 10_000 && typeof result !== 'string'; tries++) result = await side.step(); // until the worker claims a block
  assert.match(String(result), /^BACKEND threads: a thread ended in the middle of its work/);
  assert.deepEqual(await side.step(), right, 'a training step after that, alone');
  await reload();
  await side.breakWorkers('throw new Error("no room")');
  assert.match(await side.start({ device: 'wasm', threads: 2 }), /^BACKEND threads: a worker did not start[\s\S]*no room/);
  assert.match(await side.start({ threads: 2 }), /one thread \(threads failed: .*a worker did not start/);
  await page.close();
}

async function checkPlain(browser, url, right) {
  const { page, side } = await openPage(browser, url);
  assert.equal(await side.isIsolated(), false);
  assert.match(await side.start({ device: 'wasm', threads: 2 }), /^BACKEND startBackend: threads have no memory to share/);
  const about = /one thread \(the page is not cross-origin isolated: serve it with Cross-Origin-Opener-Policy/;
  assert.match(await side.start({}), about);
  assert.deepEqual(await side.step(), right, 'a training step on a memory of its own');
  assert.match(await side.start({ device: 'cpu' }), /^cpu: plain JavaScript/);
  await page.close();
}

/** The README's example as it stands: what it prints must be what its comments say. */
async function checkReadme(browser) {
  const readme = readFileSync('node_modules/@densessm/runtime-web/README.md', 'utf8');
  const code = /```js\n([\s\S]*?)```/.exec(readme)[1];
  writeFileSync('browser/readme-example.mjs', code);
  const server = await serve('readme.html', { headers: ISOLATED });
  cpSync('dist/runtime/my-model', `${server.outDir}/my-model`, { recursive: true });
  const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.+)$/gm)].map(([, comment]) => comment.split('…'));
  const page = await patientPage(browser);
  const printed = [];
  page.on('console', (message) => message.type() === 'log' && printed.push(message.text()));
  page.on('pageerror', (error) => printed.push(String(error.stack)));
  await page.goto(server.url);
  await until(() => printed.length >= said.length);
  for (const [i, parts] of said.entries()) {
    const pattern = new RegExp(`^${parts.map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*')}$`);
    assert.match(printed[i] ?? 'nothing', pattern, 'what the README says is printed');
  }
  await page.close();
  await server.close();
}

/** `examples/page` with a model that lists its files: it writes a text, and asks for nothing that is not there. */
async function checkPage(browser) {
  const server = await serve('page/index.html', { headers: ISOLATED });
  const folder = `${server.outDir}/page/my-model`;
  cpSync('page-model', folder, { recursive: true });
  writeFileSync(`${folder}/files.json`, JSON.stringify(readdirSync('page-model')));
  const page = await patientPage(browser);
  const wrong = [];
  page.on('response', (response) => response.status() >= 400 && wrong.push(`${response.status()} ${response.url()}`));
  page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  page.on('pageerror', (error) => wrong.push(String(error.stack)));
  await page.goto(server.url);
  const begun = await page
    .locator('button:enabled')
    .click()
    .catch(() => page.locator('[role=status]').textContent());
  assert.equal(begun, undefined, 'the page is ready for a text');
  await page.locator('button:enabled').waitFor();
  const text = await page.locator('output').textContent();
  assert.ok(text.startsWith('Once upon a time') && text.length > 20, text);
  assert.deepEqual(wrong, [], 'requests that fail, and errors');
  await page.close();
  await server.close();
}

const plain = await serve('runtime.html');
const isolated = await serve('runtime.html', { headers: ISOLATED, isBuilt: true });
const browser = await launch();
try {
  const { reason } = await startBackend({ device: 'wasm', threads: 1 });
  const node = { reason, step: await step(), ...(await putModel(plain.outDir)) };
  const { isSame, right } = await checkIsolated(browser, isolated.url, node);
  await checkWorkers(browser, isolated.url, right);
  await checkPlain(browser, plain.url, right);
  await checkReadme(browser);
  await checkPage(browser);
  await checkServiceWorker(browser);
  const bits = isSame ? 'the bits of Node' : 'not compared with Node, which runs another build';
  console.log(
    `runtime-web: 1 and 2 threads and a plain page give one result, ${bits}; models over HTTP, also int8 and int4; a server in a service worker`,
  );
} finally {
  await browser.close();
  await Promise.all([plain.close(), isolated.close()]);
}
