// What a visitor has in hand: the focus, a text, a download, a run. The page takes none of them away.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PATIENCE } from './host.mjs';
import { mockHub } from './hub.mjs';
import { ended, engineOf, open, press, pressAt, set } from './page.mjs';
import { DESKTOP } from './see.mjs';

/** @typedef {import('./rooms.mjs').Place} Place */
/** @typedef {import('playwright-core').Page} Page */

/** What Safari and Firefox do not have, and Chromium has. */
const CHROMIUM_ONLY = ['requestIdleCallback', 'cancelIdleCallback', 'scheduler', 'Scheduler', 'CloseWatcher', 'navigation'];

/** The page stands and writes where only Chromium's additions to the platform are missing. @param {Place} place */
export async function elsewhere({ browser, url }) {
  const context = await browser.newContext(DESKTOP);
  await context.addInitScript((names) => {
    for (const name of names) Reflect.deleteProperty(globalThis, name);
  }, CHROMIUM_ONLY);
  const { page, complaints } = await open(context, url, '#/talk');
  assert.deepEqual(await page.evaluate((names) => names.filter((name) => name in globalThis), CHROMIUM_ONLY), [], 'what is missing');
  await page.getByText('values, int8').waitFor();
  await set(page, { tokens: 16 });
  await press(page, 'Write');
  await ended(page, /^Reached the token limit\./);
  assert.deepEqual(complaints, [], 'the console');
  await context.close();
}

/** The service worker of a first visit comes while somebody types: the page stays as it is, and the next visit is isolated. @param {Place} place */
export async function firstVisit({ browser, url }) {
  const context = await browser.newContext(DESKTOP);
  await context.addInitScript(() => {
    const register = navigator.serviceWorker.register.bind(navigator.serviceWorker);
    const released = new Promise((resolve) => Object.assign(globalThis, { release: resolve }));
    navigator.serviceWorker.register = (...args) => released.then(() => register(...args));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${url}#/talk`);
  const field = page.getByLabel('How the text begins');
  await field.fill('Nobody knew that');
  await page.evaluate(() => /** @type {any} */ (globalThis).release());
  await page.evaluate(() => navigator.serviceWorker.ready);
  assert.equal(await page.evaluate(() => sessionStorage.getItem('reloaded-for-threads')), null, 'no reload under the hands');
  assert.equal(await field.inputValue(), 'Nobody knew that');
  await field.blur(); // notes it in the address
  await page.reload();
  assert.ok(await page.evaluate(() => crossOriginIsolated), 'isolated at the next visit');
  assert.equal(await field.inputValue(), 'Nobody knew that', 'the prompt is in the address');
  await context.close();
}

/** The focus stays on a button that changes its words, goes on from one that vanishes, and does not care about colors. @param {Place} place */
export async function focus({ browser, url }) {
  const context = await browser.newContext({ ...DESKTOP, hasTouch: true });
  const { page } = await open(context, url, '#/talk');
  await page.getByText('values, int8').waitFor();
  await set(page, { tokens: 512 });
  const stopped = pressAt(page, { where: '[data-i="2"]', button: 'Stop' });
  await page.getByRole('button', { name: 'Next door lived …' }).focus();
  await page.keyboard.press('Enter');
  await stopped;
  await ended(page, /^Stopped\./);
  await isFocused(page, 'Again');
  await page.locator('[data-i="0"]').tap();
  await page.locator('.near').waitFor();
  await page.getByText('First token').tap();
  await page.locator('.near').waitFor({ state: 'detached' });
  await page.evaluate(() => scrollTo(0, 100));
  const from = await page.evaluate(() => scrollY);
  await page.getByRole('button', { name: 'Dark colors' }).focus();
  await page.keyboard.press('Enter');
  await isFocused(page, 'Light colors');
  assert.equal(await page.evaluate(() => scrollY), from, 'the page stays where it was');
  await page.goto(`${url}#/train?size=tiny&steps=2000`);
  await page.getByRole('button', { name: 'Train both' }).focus();
  await page.keyboard.press('Enter');
  await isFocused(page, 'Pause');
  await page.keyboard.press('Enter');
  await isFocused(page, 'Resume');
  await page.getByRole('button', { name: 'Step', disabled: false }).focus();
  const done = Number.parseInt((await page.getByText(/^\d+ of 2000/).textContent()) ?? '', 10);
  await page.keyboard.press('Enter');
  await page.getByText(`${done + 1} of 2000`).waitFor();
  await isFocused(page, 'Step');
  await context.close();
}

/** @param {Page} page @param {string} name */
async function isFocused(page, name) {
  const button = page.getByRole('button', { name, exact: true });
  await button.waitFor();
  assert.equal(await button.evaluate((one) => one === document.activeElement), true, `the focus is on ${name}`);
}

/** Esc ends a text that waits for a download, then the download; a tip before either; a button beside it does the same. @param {Place} place */
export async function cancelled({ browser, url, outDir }) {
  const context = await browser.newContext(DESKTOP);
  await mockHub(context, 'someone/plain', join(outDir, 'models', 'plain'));
  const { page } = await open(context, url, '#/talk');
  await page.getByText('values, int8').waitFor();
  const load = async () => {
    await page.getByRole('button', { name: /^DenseMamba.*values/ }).click();
    await page.getByLabel('From the Hugging Face Hub').fill('someone/plain');
    await press(page, 'Load');
    await page.getByRole('button', { name: /^plain opening/ }).waitFor();
  };
  await load();
  await press(page, 'Write');
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Write', exact: true }).waitFor();
  await page.getByRole('button', { name: /^plain opening/ }).waitFor(); // it still comes
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^DenseMamba.*values/ }).waitFor();
  await load();
  await page.goto(`${url}#/look`);
  await page.getByRole('button', { name: 'What is this?' }).focus();
  await page.getByRole('tooltip').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('tooltip').waitFor({ state: 'detached' });
  await press(page, 'Look with this model');
  await press(page, 'Stop');
  await page.getByRole('button', { name: 'Look with this model' }).waitFor();
  await press(page, 'Cancel');
  await page.getByRole('button', { name: /^DenseMamba.*values/ }).waitFor();
  assert.equal(await page.getByRole('alert').count(), 0, 'what was cancelled is no trouble');
  await context.close();
}

/**
 * A run whose worker died goes on from its checkpoint; Esc pauses it from another room; one that is kept takes the place of one that runs, which is kept
 * too; of two that are asked for at once there is one.
 * @param {Place} place
 */
export async function rescued({ browser, url }) {
  const context = await browser.newContext(DESKTOP);
  const { page } = await open(context, url, '#/train?size=tiny&steps=2000&save=1');
  await press(page, 'Train both');
  await page.getByText(/^step [1-9]\d*, /).waitFor();
  await engineOf(page).evaluate(() => reportError(new Error('no memory')));
  assert.match((await page.getByRole('alert').textContent()) ?? '', /What computes in this page has ended\. .*no memory/);
  await page.getByRole('button', { name: /^Go on from step \d+$/ }).click();
  await page.getByRole('button', { name: 'Resume', disabled: false }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.goto(`${url}#/look`);
  await page.getByRole('switch').waitFor();
  await page.keyboard.press('Escape');
  await page.goto(`${url}#/train`);
  await page.getByText('Paused. It can be used as it is now.').waitFor();
  await page.close();

  const other = await open(context, url, '#/train?size=tiny&steps=1000&save=1');
  const kept = other.page.getByText(/^step \d+ of 2000, /);
  await kept.waitFor();
  await other.page.evaluate(() => {
    const pressNow = (/** @type {string} */ name) =>
      [...document.querySelectorAll('button')].find((one) => one.textContent?.trim() === name)?.click();
    pressNow('Train both');
    queueMicrotask(() => pressNow('Go on from here'));
  });
  await other.page.getByText(/^[1-9]\d* of 1000/).waitFor();
  assert.equal(await kept.count(), 1, 'the other one did not begin');
  await press(other.page, 'Go on from here');
  await other.page.getByText(/^step [1-9]\d* of 1000, /).waitFor();
  await other.page.getByText(/^\d+ of 2000/).waitFor();
  assert.equal(await kept.count(), 0, 'the one that was kept is open');
  await context.close();
}
