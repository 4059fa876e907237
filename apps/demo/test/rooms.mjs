// One check for each room and promise of the demo. Each gets the browser, the address and the folder of the build.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporary } from './host.mjs';
import { ended, open, press, pressAt, set, write } from './page.mjs';
import { DESKTOP } from './see.mjs';

/**
 * @typedef {{ browser: import('playwright-core').Browser, url: string, outDir: string, see: import('./see.mjs').See,
 *   node: Awaited<ReturnType<typeof import('./node-side.mjs').nodeSide>> }} Place
 */

const PROMPT = 'Once there was a';

/** The same seed gives the text of Node; a token can be forked; two tabs do not disturb each other; nothing moves while text comes; Esc stops it. @param {Place} place */
export async function talk({ browser, url, node, see }) {
  const context = await browser.newContext(DESKTOP);
  const { page, complaints } = await open(context, url, '#/talk');
  await page.getByText('values, int8').waitFor();
  await see(page, 'talk');
  const other = await open(context, url, '#/talk');
  const what = { prompt: PROMPT, seed: 7 };
  const [first, second] = await Promise.all([write(page, what), write(other.page, { ...what, seed: 8 })]);
  await other.page.close();
  await page.bringToFront(); // a tab behind another one draws one frame a second
  const options = { maxTokens: 48, temperature: 0.8, topP: 0.95 };
  assert.equal(first, PROMPT + (await node.generate(PROMPT, { ...options, seed: 7 })), 'the text of seed 7, here and in Node');
  assert.equal(second, PROMPT + (await node.generate(PROMPT, { ...options, seed: 8 })), 'the text of seed 8, in a second tab');
  const nearly = async () => {
    await page.locator('[data-i="0"]').hover();
    await page.locator('[data-i="6"]').hover();
    await page.locator('.near button:not(:disabled)').first().waitFor();
  };
  await see(page, 'written', nearly);
  await nearly();
  await page.locator('.near button:not(:disabled)').first().click();
  await ended(page, /^Reached the token limit\./);
  assert.notEqual(await page.locator('.came > .text > p').textContent(), first, 'another token makes another text');
  await set(page, { tokens: 512 });
  await page.getByLabel('How the text begins').fill(PROMPT); // no token of the text before is left
  const shifts = await watchShifts(page, '[data-i="3"]');
  const stopped = pressAt(page, { where: '[data-i="180"]', key: 'Escape' });
  await press(page, 'Write');
  await stopped;
  await ended(page, /^Stopped\./);
  assert.ok((await page.locator('[data-i]').count()) < 512, 'Esc stops it');
  assert.deepEqual(await shifts(), [], 'nothing moves while text comes');
  assert.deepEqual([...complaints, ...other.complaints], [], 'the console');
  await context.close();
}

/** What moves on the page from when something is there on, until it is asked for. @param {import('playwright-core').Page} page @param {string} from */
async function watchShifts(page, from) {
  const handle = await page.evaluateHandle((from) => {
    const found = [];
    let began = Number.POSITIVE_INFINITY;
    const begin = new MutationObserver(() => {
      if (document.querySelector(from) === null) return;
      begin.disconnect();
      began = performance.now();
    });
    begin.observe(document.body, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      // a word that comes in two tokens may go to the next line as a whole: that is the text, and moves nothing else; the caret, gone by now, has no node
      const isOther = ({ node }) => node !== null && !node.parentElement?.closest('.came > .text');
      for (const { value, sources, startTime } of /** @type {any} */ (list.getEntries()))
        if (startTime >= began && sources.some(isOther))
          found.push(
            `${value.toFixed(4)}: ${sources.map(({ node }) => (node?.outerHTML ?? node?.parentElement?.outerHTML)?.slice(0, 80)).join(', ')}`,
          );
    }).observe({ type: 'layout-shift' });
    return found;
  }, from);
  return () => handle.jsonValue();
}

/** Dialogs that every room has. @param {Place} place */
export async function frame({ browser, url, see }) {
  const context = await browser.newContext(DESKTOP);
  const { page, complaints } = await open(context, url, '#/talk');
  await page.getByText('values, int8').waitFor();
  for (const [name, button] of [
    ['settings', 'Settings'],
    ['model', /DenseMamba.*values/],
    ['device', /WebAssembly/],
  ]) {
    await page.getByRole('button', { name: button }).first().click();
    await page.getByRole('dialog').waitFor();
    await see(page, name);
    await page.keyboard.press('Escape');
  }
  assert.deepEqual(complaints, [], 'the console');
  await context.close();
}

/** A recorded picture stands there at once; the model's own follows the text; the switch closes the gates. @param {Place} place */
export async function look({ browser, url, see }) {
  const context = await browser.newContext(DESKTOP);
  const { page, complaints } = await open(context, url, '#/look');
  await page.getByText('Recorded with the DenseMamba of this page.').waitFor();
  await page.getByText('Without its dense connections').waitFor();
  await see(page, 'look');
  await page.getByLabel('Text', { exact: true }).fill('Next door lived Nell, a noisy owl. Nell');
  await press(page, 'Look with this model');
  await page.getByText('Computed here, now.').waitFor();
  const before = await page.locator('.strip [aria-pressed="true"]').textContent();
  await page.getByRole('application').focus();
  await page.keyboard.press('Home');
  assert.notEqual(await page.locator('.strip [aria-pressed="true"]').textContent(), before, 'the crosshair moves in all panels');
  await page.getByRole('switch').uncheck();
  await page.getByText('came as a').waitFor();
  const long = 'Nell said no. '.repeat(60);
  await page.getByLabel('Text', { exact: true }).fill(long);
  await press(page, 'Look with this model');
  await page.getByText(/The first 160 of \d+ tokens/).waitFor();
  await page.goto(`${url}#/bench`);
  await page.getByRole('button', { name: 'Measure' }).waitFor();
  await page.goto(`${url}#/look`);
  assert.equal(await page.getByLabel('Text', { exact: true }).inputValue(), long, 'the whole text is kept');
  assert.deepEqual(complaints, [], 'the console');
  await context.close();
}

/** A state goes from the page to Node and from Node to the page. @param {Place} place */
export async function snapshots({ browser, url, node, see }) {
  const context = await browser.newContext(DESKTOP);
  const { page, complaints } = await open(context, url, '#/snapshots');
  const text = 'Once there was a retired owl called Ralph. Ralph ate nothing but soup.';
  await page.getByLabel('Text', { exact: true }).fill(text);
  await press(page, 'Read');
  await page.getByRole('heading', { name: 'The text' }).waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download')]);
  const bytes = readFileSync(await download.path());
  await page.getByLabel('Read this first').fill(' He');
  await press(page, 'Fork and go on');
  await page.getByRole('heading', { name: 'A continuation' }).waitFor();
  await page.getByText('Open in Node').click();
  await see(page, 'snapshots');
  const here = await page.locator('.side .text').first().textContent();
  assert.equal(here, ` He${await node.goOn(bytes, ' He')}`, 'the state of the page, continued in Node');
  await page.goto(`${url}#/bench`);
  await page.getByRole('button', { name: 'Measure' }).waitFor();
  await page.goto(`${url}#/snapshots`);
  assert.equal(await page.getByLabel('Text', { exact: true }).inputValue(), text, 'the text that was read is kept');
  await page.getByRole('heading', { name: 'A continuation' }).waitFor();
  const file = join(temporary(), 'from-node.session');
  writeFileSync(file, await node.snapshot(text));
  await page.reload();
  await page.locator('input[type="file"][accept=".session"]').setInputFiles(file);
  await page.getByRole('heading', { name: 'The text' }).waitFor();
  await page.getByLabel('Read this first').fill(' He');
  await press(page, 'Fork and go on');
  await page.getByRole('heading', { name: 'A continuation' }).waitFor();
  assert.equal(await page.locator('.side .text').first().textContent(), here, 'a state of Node, continued in the page');
  assert.deepEqual(complaints, [], 'the console');
  await context.close();
}

/** The device is measured; its kernels are compared until somebody stops it; every room gives what it does as code and as a command. @param {Place} place */
export async function bench({ browser, url, see }) {
  const context = await browser.newContext({ ...DESKTOP, permissions: ['clipboard-read', 'clipboard-write'] });
  const { page, complaints } = await open(context, url, '#/bench');
  await press(page, 'Check the kernels');
  await pressAt(page, { text: /^[1-9]\d* kernels?, all right/, button: 'Stop' });
  await page.getByRole('button', { name: 'Measure', disabled: false }).click();
  assert.ok((await page.getByRole('row').count()) < 30, 'a stopped comparison has not come to its end'); // of more than 30 kernels
  await page.getByText('4 layers of 96').waitFor();
  await see(page, 'bench');
  const copied = async (name) => {
    await press(page, name);
    return page.evaluate(() => navigator.clipboard.readText());
  };
  assert.match(await copied('Copy as table'), /^device: wasm: .*\n[\s\S]*Training\t[\d,.]+ tokens\/s\n/);
  for (const [room, code, command] of [
    ['bench', /checkKernels/, /^densessm doctor$/],
    ['look', /inspect\(model, tokens, \{ closeGates: true \}\)/, /^densessm inspect 'http.*models\/dense'$/],
    ['train', /client\.train\(\{\n {2}text: \{ kind: 'stories' \}/, undefined],
  ]) {
    await page.goto(`${url}#/${room}`);
    assert.match(await copied('Copy as code'), code);
    if (command) assert.match(await copied('Copy as command'), command);
  }
  assert.deepEqual(complaints, [], 'the console');
  await context.close();
}

/** A file that is no model is refused in words, and the page goes on. @param {Place} place */
export async function noModel({ browser, url }) {
  const context = await browser.newContext(DESKTOP);
  const { page } = await open(context, url, '#/talk');
  const folder = temporary();
  writeFileSync(join(folder, 'holiday.txt'), 'no model');
  await page.locator('input[type="file"]').first().setInputFiles(folder);
  const said = await page.getByRole('alert').textContent();
  assert.match(said ?? '', /config\.json/);
  assert.doesNotMatch(said ?? '', /\[object Object\]|undefined/);
  assert.ok((await write(page, { prompt: PROMPT, seed: 3, tokens: 16 }))?.startsWith(PROMPT), 'the old model still writes');
  await context.close();
}

/** After the first visit the page works without a connection, isolated as before. @param {Place} place */
export async function offline({ browser, url }) {
  const context = await browser.newContext(DESKTOP);
  const { page, complaints } = await open(context, url, '#/talk');
  await write(page, { prompt: PROMPT, seed: 5, tokens: 16 });
  await page.evaluate(() => navigator.serviceWorker.ready);
  await context.setOffline(true);
  await page.reload();
  assert.equal(await page.evaluate(() => crossOriginIsolated), true, 'isolated without a connection');
  assert.ok((await write(page, { prompt: PROMPT, seed: 5, tokens: 16 }))?.startsWith(PROMPT));
  assert.deepEqual(
    complaints.filter((text) => !/ERR_INTERNET_DISCONNECTED/.test(text)),
    [],
    'the console',
  );
  await context.close();
}

/** What a first visit fetches, but for weights, in gzip: all of the build, since the page keeps all of it for later. @param {Place} place */
export async function size({ outDir }) {
  const files = readdirSync(outDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.includes(`${sep}models${sep}`))
    .reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
  assert.ok(bytes < 1_500_000, `${bytes} bytes`);
}
