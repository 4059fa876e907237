// What the tests do in the page, by the names that a person sees.
/** @typedef {import('playwright-core').Page} Page */

/**
 * A page that notes whatever comes on the console.
 * @param {import('playwright-core').BrowserContext} context @param {string} url @param {string} room
 */
export async function open(context, url, room) {
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  await page.goto(url + room);
  await page.waitForFunction(() => crossOriginIsolated, undefined, { timeout: 60_000 });
  await page.getByRole('main').waitFor();
  return { page, complaints };
}

/** @param {Page} page @param {string} name */
export const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

/** Sets what Talk draws with. @param {Page} page @param {{ seed?: number, tokens: number }} what */
export async function set(page, { seed, tokens }) {
  await press(page, 'Settings');
  if (seed !== undefined) await page.getByLabel('Seed').fill(String(seed));
  await page.getByLabel('Tokens at most').fill(String(tokens));
  await page.keyboard.press('Escape');
}

/** Writes with a seed in Talk and returns the whole text. @param {Page} page @param {{ prompt: string, seed: number, tokens?: number, timeout?: number }} what */
export async function write(page, { prompt, seed, tokens = 48, timeout = 60_000 }) {
  await set(page, { seed, tokens });
  await page.getByLabel('How the text begins').fill(prompt);
  await press(page, 'Write');
  await ended(page, /^Reached the token limit\./, timeout);
  return page.locator('.came > .text > p').textContent();
}

/** Until Talk says how the text ended. @param {Page} page @param {RegExp} how */
export const ended = (page, how, timeout = 60_000) => page.locator('.ending').getByText(how).waitFor({ timeout });

/** Does what a button of a run says, and waits until the worker has done it. @param {Page} page @param {string} name */
export async function ask(page, name) {
  await press(page, name);
  await canStep(page);
}

/** @param {Page} page */
const canStep = (page) => page.getByRole('button', { name: 'Step', exact: true, disabled: false }).waitFor({ timeout: 60_000 });

/**
 * Waits in the page until a text is there and does something at once: asked for from outside, it might come after the end of what it is to interrupt.
 * @param {Page} page @param {{ where: string, text?: RegExp, press?: string, key?: string, timeout?: number }} what
 */
export const atOnce = (page, { where, text = /^/, press: name, key, timeout = 120_000 }) =>
  page.evaluate(
    ({ where, text, name, key, timeout }) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no ${where} with ${text} after ${timeout} ms`)), timeout);
        const observer = new MutationObserver(look);
        function look() {
          if (![...document.querySelectorAll(where)].some(({ textContent }) => text.test(textContent ?? ''))) return;
          observer.disconnect();
          clearTimeout(late);
          if (name) [...document.querySelectorAll('button')].find(({ textContent }) => textContent === name)?.click();
          if (key) document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
          resolve(undefined);
        }
        observer.observe(document.body, { childList: true, subtree: true, characterData: true });
        look();
      }),
    { where, text, name, key, timeout },
  );

/** Pauses a run between two steps, and waits until the worker has done it. @param {Page} page @param {RegExp} at what its progress says */
export async function pauseAt(page, at) {
  await atOnce(page, { where: '.progress', text: at, press: 'Pause' });
  await canStep(page);
}

/** How many tensors the page's worker holds: those of its models, their optimizers and states. @param {Page} page */
export const tensors = (page) => engineOf(page).evaluate(() => /** @type {any} */ (globalThis)._tfengine.state.numTensors);

/** The worker that computes; those of its threads have other scripts. @param {Page} page */
export function engineOf(page) {
  const worker = page.workers().find((one) => /\/worker-[^/]*\.js$/.test(one.url()));
  if (!worker) throw new Error('the page has no worker');
  return worker;
}

/** A tab that dies as a crash ends it: nothing of it is asked or told. @param {Page} page */
export async function crash(page) {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  session.send('Page.crash').catch(() => undefined); // never answered
  await crashed;
  await page.close();
}
