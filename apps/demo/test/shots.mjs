// Pictures of every room to look at, and what a machine can see in them: axe, width, the console.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { accessible, fits, open, press, write } from './page.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SCREENS = [
  { name: 'desktop', width: 1280, height: 860, colorScheme: 'light' },
  { name: 'dark', width: 1280, height: 860, colorScheme: 'dark' },
  { name: 'tablet', width: 768, height: 1024, colorScheme: 'light' },
  { name: 'phone', width: 360, height: 740, colorScheme: 'light', hasTouch: true, isMobile: true },
  { name: 'phone-dark', width: 360, height: 740, colorScheme: 'dark', hasTouch: true, isMobile: true },
];

/** Rooms with what is done in them first. */
const ROOMS = {
  talk: async () => {},
  written: async (page) => {
    await write(page, { prompt: 'Once there was a', seed: 4, tokens: 96 });
    await page.locator('[data-i="9"]').hover();
    await page.locator('.near').waitFor();
  },
  look: async (page) => page.getByText('Without its dense connections').waitFor(),
  train: async (page) => page.getByText('Recorded: how').first().waitFor(),
  snapshots: async (page) => {
    await press(page, 'Read');
    await page.getByRole('heading', { name: 'The text' }).waitFor({ timeout: 60_000 });
    await press(page, 'Fork and go on');
    await page.getByRole('heading', { name: 'A continuation' }).waitFor({ timeout: 60_000 });
  },
  bench: async (page) => page.getByText('used', { exact: false }).first().waitFor(),
};

/** @param {import('./rooms.mjs').Place} place @param {string} folder */
export async function shots({ browser, url }, folder) {
  const found = [];
  for (const { name, width, height, ...options } of SCREENS) {
    const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', ...options });
    for (const [room, prepare] of Object.entries(ROOMS)) {
      const { page, complaints } = await open(context, url, `#/${room === 'written' ? 'talk' : room}`);
      await prepare(page);
      await page.waitForTimeout(200); // a frame or two, for canvases
      await page.screenshot({ path: join(folder, `${room}-${name}.png`), fullPage: true });
      found.push(...(await fits(page, `${room} on ${name}`)), ...(await accessible(page, axe, `${room} on ${name}`)), ...complaints);
      await page.close();
    }
    await context.close();
  }
  assert.deepEqual(found, [], 'axe, widths and the console');
}
