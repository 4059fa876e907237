// WebGPU on SwiftShader, in a browser of its own: a text, and a device that goes away in each room.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { launch } from './host.mjs';
import { engineOf, open, press, pressAt, write } from './page.mjs';
import { modelsOf } from './training.mjs';

/** @typedef {import('./rooms.mjs').Place} Place */

const PROMPT = 'Once there was a';
const STORY = 'Once there was a retired owl called Ralph.';

/** The text of WebGPU is that of WebAssembly; a state that it read goes on, with the same text, after its device was lost. @param {Place} place */
export const webgpu = ({ url, node }) =>
  inBrowser(async (context) => {
    const { page } = await onWebGpu(context, url, '#/talk');
    const text = await write(page, { prompt: PROMPT, seed: 7, tokens: 16 });
    const here = await node.generate(PROMPT, { maxTokens: 16, temperature: 0.8, topP: 0.95, seed: 7 });
    assert.equal(text, PROMPT + here, 'the text of WebGPU, and of WebAssembly in Node');

    await page.goto(`${url}?device=webgpu#/snapshots`);
    await page.getByLabel('Text', { exact: true }).fill(STORY);
    await press(page, 'Read');
    const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download')]);
    await lose(page);
    await page.getByLabel('Read this first').fill(' He');
    await press(page, 'Fork and go on');
    await isOvercome(page);
    await page.getByRole('heading', { name: 'A continuation' }).waitFor();
    const bytes = readFileSync(await download.path());
    assert.equal(
      await page.locator('.side .text').first().textContent(),
      ` He${await node.goOn(bytes, ' He')}`,
      'the state of a lost device',
    );
  });

/** Each room goes on with WebAssembly. @param {Place} place */
export const lost = ({ url, node }) =>
  inBrowser(async (context) => {
    const { page } = await onWebGpu(context, url, '#/talk');
    await lose(page);
    const text = await write(page, { prompt: PROMPT, seed: 7, tokens: 16 });
    await isOvercome(page);
    assert.equal(text, PROMPT + (await node.generate(PROMPT, { maxTokens: 16, temperature: 0.8, topP: 0.95, seed: 7 })));

    await again(page, '#/look');
    await lose(page);
    await press(page, 'Look with this model');
    await page.getByText('Computed here, now.').waitFor();
    await isOvercome(page);

    await again(page, '#/bench');
    await lose(page);
    await press(page, 'Measure');
    await page.getByText('4 layers of 96').waitFor();
    await isOvercome(page);
    await page.close();
    await trainOn(context, url);
  });

/** A run that lost its device, after a checkpoint or before the first one, ends bit for bit as one that never had it. @param {import('playwright-core').BrowserContext} context @param {string} url */
async function trainOn(context, url) {
  const address = '#/train?size=tiny&steps=24&save=1';
  const { page } = await open(context, `${url}?device=wasm`, address);
  await press(page, 'Train both');
  await isTrained(page);
  const whole = await modelsOf(page);
  await page.close();
  const paused = await open(context, `${url}?device=wasm`, address);
  await press(paused.page, 'Train both');
  await pressAt(paused.page, { text: /^[1-9]\d* of 24/, button: 'Pause' });
  await paused.page.getByText('Paused. It can be used as it is now.').waitFor();
  await paused.page.getByText(/^step \d+, /).waitFor(); // the checkpoint of its last step is written
  await paused.page.close();

  const kept = await onWebGpu(context, url, '#/train');
  await kept.page
    .getByText(/^step \d+ of 24, /)
    .first()
    .waitFor();
  await kept.page.getByRole('button', { name: 'Go on from here' }).first().click(); // the newest
  await kept.page.getByRole('button', { name: 'Resume', disabled: false }).waitFor();
  await lose(kept.page);
  await press(kept.page, 'Resume');
  await isOvercome(kept.page);
  await isTrained(kept.page);
  isSame(await modelsOf(kept.page), whole, 'from its checkpoint');
  await kept.page.close();

  const fresh = await onWebGpu(context, url, address);
  await press(fresh.page, 'Train both');
  await fresh.page.getByRole('button', { name: 'Pause' }).waitFor();
  await lose(fresh.page);
  await isOvercome(fresh.page);
  await isTrained(fresh.page);
  isSame(await modelsOf(fresh.page), whole, 'before its first checkpoint');
}

/** @param {import('playwright-core').Page} page */
const isTrained = (page) => page.getByText(/24 of 24 steps done/).waitFor();

/** @param {{ weights: Buffer }[]} models @param {{ weights: Buffer }[]} expected @param {string} where */
function isSame(models, expected, where) {
  for (const [i, { weights }] of models.entries())
    assert.ok(expected[i]?.weights.equals(weights), `${i === 0 ? 'dense' : 'plain'}: a run that lost its device ${where}`);
}

/** @param {(context: import('playwright-core').BrowserContext) => Promise<void>} task */
async function inBrowser(task) {
  const browser = await launch({ hasWebGpu: true });
  try {
    await task(await browser.newContext());
  } finally {
    await browser.close();
  }
}

/** @param {import('playwright-core').BrowserContext} context @param {string} url @param {string} room */
async function onWebGpu(context, url, room) {
  const opened = await open(context, `${url}?device=webgpu`, room);
  await isOnWebGpu(opened.page);
  return opened;
}

/** The page anew, on WebGPU. @param {import('playwright-core').Page} page @param {string} room */
async function again(page, room) {
  await page.evaluate((room) => (location.hash = room), room);
  await page.reload();
  await isOnWebGpu(page);
}

/** @param {import('playwright-core').Page} page */
const isOnWebGpu = (page) => page.getByRole('button', { name: 'WebGPU' }).waitFor();

/** The device goes away, as after a driver's reset. @param {import('playwright-core').Page} page */
const lose = (page) => engineOf(page).evaluate(() => /** @type {any} */ (globalThis)._tfengine.backend.device.destroy());

/** @param {import('playwright-core').Page} page */
async function isOvercome(page) {
  await page.getByText('The graphics card went away').waitFor();
  await page.getByRole('button', { name: 'WebAssembly' }).waitFor();
}
