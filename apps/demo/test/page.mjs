// What the tests do in the page, by the names that a person sees.
import { PATIENCE } from './host.mjs';

/** @typedef {import('playwright-core').Page} Page */

/**
 * A page that notes whatever comes on the console.
 * @param {import('playwright-core').BrowserContext} context @param {string} url @param {string} room
 */
export async function open(context, url, room) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  await page.goto(url + room);
  await page.waitForFunction(() => crossOriginIsolated);
  await page.getByRole('main').waitFor();
  return { page, complaints };
}

/** @param {Page} page @param {string} name */
export const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

/**
 * Presses a button or a key in the page as soon as something with a fitting text is there: from outside it might come much later.
 * @param {Page} page @param {{ where?: string, text?: RegExp, button?: string, key?: string }} what
 */
export const pressAt = (page, { where = 'main *', text = /^/, button: name, key }) =>
  page.evaluate(
    ({ where, source, name, key, patience }) =>
      new Promise((resolve, reject) => {
        const text = new RegExp(source);
        const late = setTimeout(() => reject(new Error(`no ${where} with ${text} to press ${name ?? key} at`)), patience);
        const look = () => {
          const isThere = [...document.querySelectorAll(where)].some((one) => text.test(one.textContent?.trim() ?? ''));
          const button = [...document.querySelectorAll('button')].find((one) => one.textContent?.trim() === name);
          if (!isThere || (name && !button)) return;
          observer.disconnect();
          clearTimeout(late);
          button?.click();
          if (key) document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
          resolve(undefined);
        };
        const observer = new MutationObserver(look);
        observer.observe(document.body, { childList: true, subtree: true, characterData: true });
        look();
      }),
    { where, source: text.source, name, key, patience: PATIENCE },
  );

/** Sets what Talk draws with. @param {Page} page @param {{ seed?: number, tokens: number }} what */
export async function set(page, { seed, tokens }) {
  await press(page, 'Settings');
  if (seed !== undefined) await page.getByLabel('Seed').fill(String(seed));
  await page.getByLabel('Tokens at most').fill(String(tokens));
  await page.keyboard.press('Escape');
}

/** Writes with a seed in Talk and returns the whole text. @param {Page} page @param {{ prompt: string, seed: number, tokens?: number }} what */
export async function write(page, { prompt, seed, tokens = 48 }) {
  await set(page, { seed, tokens });
  await page.getByLabel('How the text begins').fill(prompt);
  await press(page, 'Write');
  await ended(page, /^Reached the token limit\./);
  return page.locator('.came > .text > p').textContent();
}

/** Until Talk says how the text ended. @param {Page} page @param {RegExp} how */
export const ended = (page, how) => page.locator('.ending').getByText(how).waitFor();

/** Does what a button of a run says, and waits until the worker has done it. @param {Page} page @param {string} name */
export async function ask(page, name) {
  await press(page, name);
  await page.getByRole('button', { name: 'Step', exact: true, disabled: false }).waitFor();
}

/** How many tensors the page's worker holds: those of its models, their optimizers and states. @param {Page} page */
export const tensors = (page) => engineOf(page).evaluate(() => /** @type {any} */ (globalThis)._tfengine.state.numTensors);

/** The worker that computes; those of its threads have other scripts. @param {Page} page */
export function engineOf(page) {
  const worker = page.workers().find((one) => /\/worker-[^/]*\.js$/.test(one.url()));
  if (!worker) throw new Error('the page has no worker');
  return worker;
}

/**
 * Stops the worker for good once its run has told of `steps` steps: so a tab that then crashes is in the middle of it.
 * @param {Page} page @param {number} steps
 */
export async function holdAt(page, steps) {
  if (page.workers().length === 0) await page.waitForEvent('worker');
  await engineOf(page).evaluate((steps) => {
    const post = postMessage.bind(globalThis);
    let told = 0;
    /** @type {any} */ (globalThis).postMessage = (/** @type {any} */ message, /** @type {any} */ transfer) => {
      post(message, transfer);
      if (message.event?.type === 'step' && ++told === steps) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    };
  }, steps);
}

/** A tab that dies as a crash ends it: nothing of it is asked or told. @param {Page} page */
export async function crash(page) {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  session.send('Page.crash').catch(() => undefined); // never answered
  await crashed;
  await page.close();
}
