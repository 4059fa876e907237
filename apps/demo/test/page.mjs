// What the tests do in the page, by the names that a person sees.
/** @typedef {import('playwright-core').Page} Page */

/**
 * A page that fails the test for anything on the console.
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

/** Writes with a seed in Talk and returns the whole text. @param {Page} page @param {{ prompt: string, seed: number, tokens?: number }} what */
export async function write(page, { prompt, seed, tokens = 48 }) {
  await press(page, 'Settings');
  await page.getByLabel('Seed').fill(String(seed));
  await page.getByLabel('Tokens at most').fill(String(tokens));
  await page.keyboard.press('Escape');
  await page.getByLabel('How the text begins').fill(prompt);
  await press(page, 'Write');
  await page.getByText('As many tokens as were asked for.', { exact: true }).waitFor({ timeout: 60_000 });
  return page.locator('.text > p').textContent();
}

/** What axe finds. @param {Page} page @param {string} axe its source @param {string} where */
export async function accessible(page, axe, where) {
  await page.evaluate(axe);
  return page.evaluate(async (where) => {
    const { violations } = await /** @type {any} */ (globalThis).axe.run();
    return violations.map(
      ({ id, nodes }) =>
        `${where}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(' | ')}`,
    );
  }, where);
}

/** Nothing is wider than the screen. @param {Page} page @param {string} where */
export async function fits(page, where) {
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  return wide <= screen ? [] : [`${where} is ${wide} pixels wide on a screen of ${screen}`];
}
