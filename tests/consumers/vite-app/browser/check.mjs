// `node browser/check.mjs CHROMIUM`: a snapshot made in Node goes on in a browser and the other way round, to the last bit.
import assert from 'node:assert/strict';
import { pretrainedFiles } from '@densessm/checkpoint';
import { startBackend } from '@densessm/runtime-node';
import { disposeTree, modelFor } from '@densessm/ssm-core';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import * as sessions from './sessions.mjs';

const QUIET = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];
const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'));
const textOf = (bytes) => Buffer.from(bytes).toString('base64');
const asText = (result) =>
  Object.fromEntries(Object.entries(result).map(([key, value]) => [key, value instanceof Uint8Array ? textOf(value) : value]));

/** A fresh model as files, for both sides. */
async function filesOf(json) {
  const model = modelFor(json, sessions.models);
  const config = model.parseConfig(json);
  const params = model.init(config, 3);
  const files = [];
  for (const { name, pieces } of pretrainedFiles({ model, config, params })) {
    const parts = [];
    for await (const piece of pieces) parts.push(piece.slice());
    files.push({ name, bytes: Buffer.concat(parts) });
  }
  disposeTree(params);
  return files;
}

const node = {
  build: sessions.build,
  load: (name, files) =>
    sessions.load(
      name,
      files.map((file) => new File([bytesOf(file.bytes)], file.name)),
    ),
  begin: async (name) => asText(await sessions.begin(name)),
  continued: async (name, snapshot) => asText(await sessions.continued(name, bytesOf(snapshot))),
  refusal: (name, snapshot) => sessions.refusal(name, bytesOf(snapshot)),
};
/** The same functions in the page. */
const sideOf = (page) =>
  Object.fromEntries(
    ['start', 'build', 'load', 'begin', 'continued', 'refusal', 'unloadAll'].map((name) => [
      name,
      (...given) => page.evaluate(([what, list]) => globalThis.side[what](...list), [name, given]),
    ]),
  );

/** What is made on one side goes on as it would have there, on both: text read, text drawn, and all that the session is in the end. */
async function checkOneWay(name, from, sides) {
  const begun = await from.begin(name);
  for (const side of sides) assertSame(`${name} from a snapshot`, { ...begun, ...(await side.continued(name, begun.snapshot)) }, begun);
  return begun;
}

/** Says in what two results differ, without the bytes. */
function assertSame(what, got, want) {
  const different = Object.keys(want).filter((key) => got[key] !== want[key]);
  assert.deepEqual(different, [], `${what}: differs between Node and the browser`);
}

async function checkRefusals(name, other, text, side) {
  const snapshot = bytesOf(text);
  for (const at of [0, 9, 40, snapshot.length >> 1, snapshot.length - 1]) {
    const flipped = snapshot.slice();
    flipped[at] ^= 4;
    assert.match(await side.refusal(name, textOf(flipped)), /^FILE Session.restore: /, `${name}: byte ${at} flipped`);
  }
  for (const length of [0, 20, snapshot.length >> 1, snapshot.length - 1])
    assert.match(await side.refusal(name, textOf(snapshot.subarray(0, length))), /^FILE /, `${name}: ${length} bytes of it`);
  assert.match(await side.refusal(other, text), /^STATE .*another model/, `${name}'s in ${other}`);
}

/** All models on one backend and one build of its kernels, the same in Node and in the page. */
async function checkBackend(backend, simd, browserSide) {
  await startBackend({ device: backend });
  await browserSide.start(backend);
  if (simd) for (const side of [node, browserSide]) await side.build(simd);
  const names = Object.keys(sessions.configs);
  const sizes = [];
  for (const name of names) {
    const files = (await filesOf(sessions.configs[name])).map((file) => ({ ...file, bytes: textOf(file.bytes) }));
    for (const side of [node, browserSide]) await side.load(name, files);
  }
  for (const [i, name] of names.entries()) {
    const here = await checkOneWay(name, node, [node, browserSide]);
    const there = await checkOneWay(name, browserSide, [browserSide, node]);
    assertSame(`${name} from the beginning`, there, here);
    for (const side of [node, browserSide]) await checkRefusals(name, names.at(i - 1), here.snapshot, side);
    sizes.push(`${name} ${here.stateBytes}`);
  }
  assert.equal(await browserSide.unloadAll(), 0, 'tensors left behind in the page');
  assert.equal(sessions.unloadAll(), 0, 'tensors left behind in Node');
  return sizes;
}

const outDir = 'dist/snapshots';
await build({ logLevel: 'error', build: { target: 'es2022', minify: false, outDir, rollupOptions: { input: 'snapshots.html' } } });
const server = await preview({ logLevel: 'warn', build: { outDir }, preview: { port: 0, host: '127.0.0.1' } });
const browser = await chromium.launch({ executablePath: process.argv[2], args: ['--headless', '--no-sandbox', ...QUIET] });
try {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`in the page: ${error.stack}`));
  await page.goto(new URL('snapshots.html', server.resolvedUrls.local[0]).href);
  await page.waitForFunction(() => 'side' in globalThis);
  const browserSide = sideOf(page);
  const sizes = await checkBackend('cpu', undefined, browserSide);
  await checkBackend('wasm', 'standard', browserSide);
  const fastest = [await node.build(), await browserSide.build()];
  const isRelaxed = fastest.every((simd) => simd === 'relaxed');
  if (isRelaxed) await checkBackend('wasm', 'relaxed', browserSide);
  else console.log(`relaxed SIMD not compared: Node runs ${fastest[0]}, the browser ${fastest[1]}`);
  console.log(`bytes of state: ${sizes.join(', ')}`);
  console.log(`${sizes.length} models in Chromium ${browser.version()}: cpu, wasm ${isRelaxed ? 'standard, relaxed' : 'standard'}`);
} finally {
  await browser.close();
  await server.close();
}
