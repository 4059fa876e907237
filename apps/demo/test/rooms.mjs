// One check for each room and promise of the demo. Each gets the browser, the address and the folder of the build.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { open, press, write } from './page.mjs';

/** @typedef {{ browser: import('playwright-core').Browser, url: string, outDir: string, node: Awaited<ReturnType<typeof import('./node-side.mjs').nodeSide>> }} Place */

const PROMPT = 'Once there was a';

/** The same seed gives the text of Node; stop stops; a token can be forked; two tabs do not disturb each other. @param {Place} place */
export async function talk({ browser, url, node }) {
  const context = await browser.newContext();
  const [{ page, complaints }, other] = [await open(context, url, '#/talk'), await open(context, url, '#/talk')];
  const what = { prompt: PROMPT, seed: 7 };
  const [first, second] = await Promise.all([write(page, what), write(other.page, { ...what, seed: 8 })]);
  const options = { maxTokens: 48, temperature: 0.8, topP: 0.95 };
  assert.equal(first, PROMPT + (await node.generate(PROMPT, { ...options, seed: 7 })), 'the text of seed 7, here and in Node');
  assert.equal(second, PROMPT + (await node.generate(PROMPT, { ...options, seed: 8 })), 'the text of seed 8, in a second tab');
  await page.locator('[data-i="6"]').hover();
  await page.locator('.near button:not(:disabled)').first().click();
  await page.getByText('As many tokens as were asked for.', { exact: true }).waitFor();
  assert.notEqual(await page.locator('.text > p').textContent(), first, 'another token makes another text');
  await press(page, 'Settings');
  await page.getByLabel('Tokens at most').fill('512');
  await page.keyboard.press('Escape');
  await press(page, 'Again');
  await page.locator('[data-i="3"]').waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Stopped.', { exact: true }).waitFor();
  assert.ok((await page.locator('[data-i]').count()) < 512, 'Esc stops it');
  assert.deepEqual([...complaints, ...other.complaints], [], 'the console');
  await context.close();
}

/** A recorded picture stands there at once; the model's own follows the text; the switch closes the gates. @param {Place} place */
export async function look({ browser, url }) {
  const context = await browser.newContext();
  const { page, complaints } = await open(context, url, '#/look');
  await page.getByText('Recorded with the DenseMamba of this page.').waitFor();
  await page.getByText('Without its dense connections').waitFor();
  await page.getByLabel('Text', { exact: true }).fill('Next door lived Nell, a noisy owl. Nell');
  await press(page, 'Look with this model');
  await page.getByText('Computed here, now.').waitFor({ timeout: 60_000 });
  const before = await page.locator('.strip [aria-pressed="true"]').textContent();
  await page.getByRole('application').focus();
  await page.keyboard.press('Home');
  assert.notEqual(await page.locator('.strip [aria-pressed="true"]').textContent(), before, 'the crosshair moves in all panels');
  await page.getByRole('switch').uncheck();
  await page.getByText('came as a').waitFor();
  assert.deepEqual(complaints, [], 'the console');
  await context.close();
}

/** A state goes from the page to Node and from Node to the page. @param {Place} place */
export async function snapshots({ browser, url, node }) {
  const context = await browser.newContext();
  const { page, complaints } = await open(context, url, '#/snapshots');
  const text = 'Once there was a retired owl called Ralph. Ralph ate nothing but soup.';
  await page.getByLabel('Text', { exact: true }).fill(text);
  await press(page, 'Read');
  await page.getByRole('heading', { name: 'The text' }).waitFor({ timeout: 60_000 });
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download')]);
  const bytes = readFileSync(await download.path());
  await page.getByLabel('Read this first').fill(' He');
  await press(page, 'Fork and go on');
  await page.getByRole('heading', { name: 'A continuation' }).waitFor({ timeout: 60_000 });
  const here = await page.locator('.side .text').first().textContent();
  assert.equal(here, ` He${await node.goOn(bytes, ' He')}`, 'the state of the page, continued in Node');
  const file = join(mkdtempSync(join(tmpdir(), 'demo-')), 'from-node.session');
  writeFileSync(file, await node.snapshot(text));
  await page.reload();
  await page.locator('input[type="file"][accept=".session"]').setInputFiles(file);
  await page.getByRole('heading', { name: 'The text' }).waitFor({ timeout: 60_000 });
  await page.getByLabel('Read this first').fill(' He');
  await press(page, 'Fork and go on');
  await page.getByRole('heading', { name: 'A continuation' }).waitFor({ timeout: 60_000 });
  assert.equal(await page.locator('.side .text').first().textContent(), here, 'a state of Node, continued in the page');
  assert.deepEqual(complaints, [], 'the console');
  await context.close();
}

const run = promisify(execFile);

/** Twins learn; the tab dies in the middle; the run goes on from its checkpoint; its folder opens in Node. @param {Place} place */
export async function train({ browser, url, node }) {
  const context = await browser.newContext();
  const { page, complaints } = await open(context, url, '#/train?size=tiny&steps=24');
  await press(page, 'Train both');
  await page.getByText(/^[2-9] of 24/).waitFor({ timeout: 120_000 });
  await press(page, 'Pause');
  await page.getByText('Paused. It can be used as it is now.').waitFor();
  await press(page, 'Step');
  await press(page, 'Save');
  await page.getByText(/^step \d+, /).waitFor({ timeout: 60_000 });
  await page.close({ runBeforeUnload: false });
  const again = await open(context, url, '#/train?size=tiny&steps=24');
  await press(again.page, 'Go on from here');
  await again.page.getByRole('button', { name: 'Resume' }).click({ timeout: 60_000 });
  await again.page.getByText(/24 of 24 steps done/).waitFor({ timeout: 120_000 });
  const [download] = await Promise.all([
    again.page.waitForEvent('download'),
    again.page.getByRole('button', { name: 'Download' }).first().click(),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  await download.saveAs(join(folder, 'model.zip'));
  await run('python3', ['-m', 'zipfile', '-e', join(folder, 'model.zip'), join(folder, 'model')]);
  assert.ok(
    (await node.textOf(join(folder, 'model', ...readdirSync(join(folder, 'model'))), 'Once')).length > 0,
    'a model of the page writes in Node',
  );
  assert.deepEqual([...complaints, ...again.complaints], [], 'the console');
  await context.close();
}

/** A file that is no model is refused in words, and the page goes on. @param {Place} place */
export async function noModel({ browser, url }) {
  const context = await browser.newContext();
  const { page } = await open(context, url, '#/talk');
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  writeFileSync(join(folder, 'holiday.txt'), 'no model');
  await page.locator('input[type="file"]').first().setInputFiles(folder);
  const said = await page.getByRole('alert').textContent({ timeout: 60_000 });
  assert.match(said ?? '', /config\.json/);
  assert.doesNotMatch(said ?? '', /\[object Object\]|undefined/);
  assert.ok((await write(page, { prompt: PROMPT, seed: 3, tokens: 16 }))?.startsWith(PROMPT), 'the old model still writes');
  await context.close();
}

/** After the first visit the page works without a connection, isolated as before. @param {Place} place */
export async function offline({ browser, url }) {
  const context = await browser.newContext();
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
