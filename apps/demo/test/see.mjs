// Pictures of a state of the page to look at, and what a machine can see in it: axe, widths.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {(page: Page, name: string, prepare?: () => Promise<void>) => Promise<void>} See */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** axe reads markup and colors: those of a narrow page are the same in the dark. Screens without it are for the eye, where a folder is named for pictures. */
const SCREENS = /** @type {const} */ ([
  { name: 'desktop', width: 1280, height: 860, colorScheme: 'light', hasAxe: true },
  { name: 'dark', width: 1280, height: 860, colorScheme: 'dark', hasAxe: true },
  { name: 'tablet', width: 768, height: 1024, colorScheme: 'light', hasAxe: false },
  { name: 'phone', width: 360, height: 740, colorScheme: 'light', hasAxe: true },
  { name: 'phone-dark', width: 360, height: 740, colorScheme: 'dark', hasAxe: false },
]);
export const DESKTOP = { viewport: { width: 1280, height: 860 }, colorScheme: 'light', reducedMotion: 'reduce' };

/**
 * Takes a picture of a page as it is now on every screen, into a folder, and fails where axe finds something or the page is wider than its screen.
 * @param {string} folder @returns {See} `prepare` opens again what a change of size closes or moves
 */
export function seeInto(folder) {
  return async (page, name, prepare) => {
    const found = [];
    const session = await page.context().newCDPSession(page);
    for (const { name: screen, width, height, colorScheme, hasAxe } of SCREENS) {
      if (!hasAxe && !process.env.SHOTS) continue;
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      if (width < 500) await asPhone(session, width, height);
      await prepare?.();
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      await page.screenshot({ path: join(folder, `${name}-${screen}.png`), fullPage: true });
      const where = `${name} on ${screen}`;
      found.push(...(await fits(page, where)), ...(hasAxe ? await accessible(page, where) : []));
    }
    await session.send('Emulation.setTouchEmulationEnabled', { enabled: false });
    await session.detach();
    await page.setViewportSize(DESKTOP.viewport);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    assert.deepEqual(found, [], 'axe and widths');
  };
}

/** Scroll bars that take no room, and a finger. @param {import('playwright-core').CDPSession} session @param {number} width @param {number} height */
async function asPhone(session, width, height) {
  await session.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: true });
  await session.send('Emulation.setTouchEmulationEnabled', { enabled: true });
}

/** What axe finds. @param {Page} page @param {string} where @returns {Promise<string[]>} */
async function accessible(page, where) {
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
async function fits(page, where) {
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  return wide <= screen ? [] : [`${where} is ${wide} pixels wide on a screen of ${screen}`];
}
