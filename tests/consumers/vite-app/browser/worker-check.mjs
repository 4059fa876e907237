// `node browser/worker-check.mjs CHROMIUM`: models, training and looking inside in a worker, on the packed packages.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { startBackend } from '@densessm/runtime-node';
import { byteTokenizer } from '@densessm/tokenizer';
import { loadModel } from 'densessm';
import { filesOf, launch, openPage, serve } from './host.mjs';
import * as sessions from './sessions.mjs';

const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const WASM = 'node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm';
const drawing = { maxTokens: 24, temperature: 1, topP: 0.9, seed: 11, eosIds: [] };
const training = {
  text: { kind: 'stories', characters: 20_000 },
  ...{ hiddenSize: 32, numHiddenLayers: 2, batchSize: 4, blockSize: 32, maxSteps: 8, evalInterval: 4, evalBatches: 1, sampleInterval: 4 },
  ...{ sampleTokens: 8, start: false },
};

const filesWithTokenizer = async (json) => [
  ...(await filesOf(json)),
  { name: 'tokenizer.json', bytes: Buffer.from(JSON.stringify(byteTokenizer())) },
];
const asFiles = (files) => files.map(({ name, bytes }) => new File([bytes], name));
const buildOf = (device) => (device.includes('relaxed') ? 'relaxed' : 'standard');

function put(outDir, files) {
  mkdirSync(`${outDir}/my-model`);
  for (const { name, bytes } of files) writeFileSync(`${outDir}/my-model/${name}`, bytes);
  writeFileSync(`${outDir}/my-model/files.json`, JSON.stringify(files.map(({ name }) => name)));
}

/** Texts, snapshots in both directions, cancelling, and a page that is free meanwhile. */
async function checkModel(side, here) {
  const { backend, isIsolated } = await side.start({ device: 'wasm' });
  assert.deepEqual([backend, isIsolated], ['wasm', true]);
  await side.busiest();
  const loaded = await side.load('./my-model');
  assert.deepEqual([loaded.modelType, loaded.notices], ['dense_mamba', []]);
  const isSame = buildOf(loaded.device) === buildOf(here.device);
  const [mine, its] = [await here.generate('Call me', drawing), await side.generate('Call me', drawing)];
  if (isSame) assert.deepEqual([its.text, its.tokens], [mine.text, mine.tokens], 'the text of a seed in Node and in the worker');
  const snapshot = Buffer.from(await side.snapshot('Call me Ishmael.'), 'base64');
  const session = await here.restoreSession(new Uint8Array(snapshot));
  const { text } = await session.generate({ maxTokens: 12, eosIds: [] });
  const own = here.session();
  await own.append('Call me Ishmael.');
  assert.equal(
    await side.continued(Buffer.from(await own.snapshot()).toString('base64')),
    text,
    'a snapshot of Node in the worker, and the other way round',
  );
  session.dispose();
  own.dispose();
  assert.deepEqual(await side.inspect(), { layers: 2, tokens: 7 });
  const { ms, after } = await side.cancel();
  assert.deepEqual(after, [{ finishReason: 'aborted' }], 'the parts of a text after it was cancelled');
  return { isSame, cancelMs: ms, longTask: await side.busiest() };
}

/** What was kept is listed, taken again without asking for it, and fetched anew where it is damaged. */
async function checkKept(side, reload) {
  const [{ files, isComplete, source }] = await side.kept();
  assert.ok(isComplete && source.endsWith('/my-model') && files.some(({ name }) => name === 'model.safetensors'));
  const before = await side.generate('Call me', drawing);
  await side.damage();
  await reload();
  await side.start({ device: 'wasm' });
  const { notices } = await side.load('./my-model');
  assert.match(notices.join(), /A part of model\.safetensors that this browser kept is damaged, and comes again\./);
  assert.equal((await side.generate('Call me', drawing)).text, before.text, 'the text after a kept file was damaged');
  await side.deleteKept(source);
  assert.deepEqual(await side.kept(), []);
}

/** A run that goes on after the page was gone, as if it had not been. */
async function checkTraining(side, reload, isSame) {
  await side.busiest();
  await side.train(training);
  const whole = await side.toTheEnd();
  const longTask = await side.busiest();
  const trained = await side.trained();
  const id = await side.train(training);
  await side.steps(3);
  await side.pause();
  await reload();
  await side.start({ device: 'wasm' });
  const saved = (await side.savedRuns()).find((one) => one.id === id);
  assert.deepEqual([saved.step, saved.maxSteps], [3, 8]);
  assert.deepEqual(await side.restore(id), { step: 3, state: 'paused' });
  assert.deepEqual(await side.toTheEnd(), whole, 'the losses of a run that was interrupted');
  assert.deepEqual((await side.trained()).files, trained.files, 'the model of a run that was interrupted');
  const node = await loadModel(
    trained.files.map(({ name, text }) => new File([Buffer.from(text, 'base64')], name)),
    { device: 'wasm', threads: 1 },
  );
  const { text } = await node.generate('The ', { maxTokens: 12, eosIds: [] });
  if (isSame) assert.equal(text, trained.text, 'greedy text of a model that was trained in the page, in Node');
  await node.dispose();
  return longTask;
}

/** The README's example as it stands, with the script that comes with the package. */
async function checkReadme(browser, files, expected) {
  const readme = readFileSync('node_modules/densessm/README.md', 'utf8');
  const [, code] = /```html\n<script type="module">\n([\s\S]*?)<\/script>/.exec(readme);
  writeFileSync('browser/readme-worker.mjs', `${code}\nglobalThis.side = {};\n`);
  const server = await serve('readme-worker.html', { headers: ISOLATED });
  put(server.outDir, files);
  cpSync(WASM, `${server.outDir}/tfjs-backend-wasm-simd.wasm`);
  const { page } = await openPage(browser, server.url);
  const written = await page.evaluate(() => document.body.textContent);
  if (expected !== undefined) assert.equal(written.trim(), expected.trim(), 'what the README writes into the page');
  assert.ok(written.length > 0);
  await page.close();
  await server.close();
}

const server = await serve('worker.html', { headers: ISOLATED });
const browser = await launch();
try {
  await startBackend({ device: 'wasm', threads: 1 });
  const files = await filesWithTokenizer({ ...sessions.configs.dense_mamba, vocab_size: 257 });
  put(server.outDir, files);
  const here = await loadModel(asFiles(files), { device: 'wasm', threads: 1 });
  const { side, reload } = await openPage(browser, server.url);
  const { isSame, cancelMs, longTask } = await checkModel(side, here);
  await checkKept(side, reload);
  const trainingTask = await checkTraining(side, reload, isSame);
  const longest = Math.max(longTask, trainingTask);
  const { text } = await here.generate('Once upon a time', { temperature: 0.8, seed: 7, maxTokens: 40 });
  await checkReadme(browser, files, isSame ? text : undefined);
  await here.dispose();
  const bits = isSame ? 'the texts of Node' : 'not compared with Node, which runs another build';
  console.log(
    `worker: ${bits}; cancelled in ${cancelMs.toFixed(0)} ms; the longest task of the page took ${longest.toFixed(0)} ms; a run goes on bit for bit`,
  );
} finally {
  await browser.close();
  await server.close();
}
