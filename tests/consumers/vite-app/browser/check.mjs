// `node browser/check.mjs CHROMIUM`: a snapshot made in Node goes on in a browser and the other way round, to the last bit.
import assert from 'node:assert/strict';
import { startBackend } from '@densessm/runtime-node';
import { filesOf, launch, openPage, serve } from './host.mjs';
import * as sessions from './sessions.mjs';

const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'));
const textOf = (bytes) => Buffer.from(bytes).toString('base64');
const asText = (result) =>
  Object.fromEntries(Object.entries(result).map(([key, value]) => [key, value instanceof Uint8Array ? textOf(value) : value]));

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
    const files = (await filesOf(sessions.configs[name], { dtype: sessions.dtypes[name] })).map((file) => ({
      ...file,
      bytes: textOf(file.bytes),
    }));
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

const server = await serve('snapshots.html');
const browser = await launch();
try {
  const { side: browserSide } = await openPage(browser, server.url);
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
