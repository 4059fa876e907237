// Training in a tab: twins, a crash, and a folder to take away.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporary } from './host.mjs';
import { ask, crash, holdAt, open, press, pressAt, tensors } from './page.mjs';
import { DESKTOP } from './see.mjs';

/** @typedef {import('./rooms.mjs').Place} Place */

const run = promisify(execFile);

/**
 * Twins learn; a step leaves no tensor behind. Another tab, with the same run, crashes in the middle and goes on from the checkpoint that was made by
 * itself: bit for bit what the undisturbed run has become. Its folder opens in Node.
 * @param {Place} place
 */
export async function train({ browser, url, node, see }) {
  const context = await browser.newContext(DESKTOP);
  const address = '#/train?size=tiny&steps=24&save=1';
  const { page, complaints } = await open(context, url, address);
  await page.getByText('Recorded: how').first().waitFor();
  await see(page, 'train');
  await press(page, 'Train both');
  await pressAt(page, { text: /^[1-9]\d* of 24/, button: 'Pause' });
  await page.getByText('Paused. It can be used as it is now.').waitFor();
  await ask(page, 'Step');
  const before = await tensors(page);
  await ask(page, 'Step');
  assert.equal(await tensors(page), before, 'tensors after a step');
  await press(page, 'Resume');
  await page.getByText(/24 of 24 steps done/).waitFor();
  await see(page, 'trained');
  assert.ok(await hasCurves(page), 'the curves of the two are drawn');
  const whole = await modelsOf(page);
  await page.close();

  const doomed = await open(context, url, address);
  await holdAt(doomed.page, 12);
  await press(doomed.page, 'Train both');
  await doomed.page.getByText(/^step ([3-9]|1[0-2]), /).waitFor();
  await crash(doomed.page);
  const again = await open(context, url, '#/train');
  await again.page.getByText(/^step ([3-9]|1[0-2]) of 24, /).waitFor();
  await again.page.getByRole('button', { name: 'Go on from here' }).first().click(); // the newest
  await again.page.getByRole('button', { name: 'Resume' }).click();
  await again.page.getByText(/24 of 24 steps done/).waitFor();
  const continued = await modelsOf(again.page);
  for (const [i, { weights }] of whole.entries())
    assert.ok(continued[i]?.weights.equals(weights), `${i === 0 ? 'dense' : 'plain'}: the run that crashed ends as the one that did not`);
  assert.ok((await node.textOf(continued[0]?.folder ?? '', 'Once')).length > 0, 'a model of the page writes in Node');
  assert.deepEqual([...complaints, ...again.complaints], [], 'the console');
  await context.close();
}

/** Whether the chart of the losses has the colors of both models. @param {import('playwright-core').Page} page */
const hasCurves = (page) =>
  page
    .locator('.curves canvas')
    .first()
    .evaluate((canvas) => {
      const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
      const { data } = /** @type {CanvasRenderingContext2D} */ (/** @type {HTMLCanvasElement} */ (canvas).getContext('2d')).getImageData(
        0,
        0,
        width,
        height,
      );
      let [blue, orange] = [0, 0];
      for (let i = 0; i < data.length; i += 4) {
        const [red = 0, , b = 0, opacity = 0] = data.subarray(i, i + 4);
        if (opacity > 200 && b > red + 60) blue++;
        if (opacity > 200 && red > b + 60) orange++;
      }
      return blue > 100 && orange > 100;
    });

/** The models of a run as they are downloaded, dense first. @param {import('playwright-core').Page} page */
export async function modelsOf(page) {
  const found = [];
  for (const button of await page.getByRole('button', { name: 'Download' }).all()) {
    const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
    const place = temporary();
    await download.saveAs(join(place, 'model.zip'));
    await run('python3', ['-m', 'zipfile', '-e', join(place, 'model.zip'), join(place, 'model')]);
    const folder = join(place, 'model', ...readdirSync(join(place, 'model')));
    found.push({ folder, weights: readFileSync(join(folder, 'model.safetensors')) });
  }
  assert.equal(found.length, 2, 'models to download');
  return found;
}

/** The plain model of a run as Python gets it, into the folder FOLDER, with what ours says of each token after a text. @param {Place} place */
export async function download({ browser, url, node }) {
  const target = process.env.FOLDER;
  if (!target) throw new Error('FOLDER does not say where to');
  const context = await browser.newContext(DESKTOP);
  const { page } = await open(context, url, '#/train?size=tiny&steps=12');
  await press(page, 'Train both');
  await page.getByText(/12 of 12 steps done/).waitFor();
  const plain = (await modelsOf(page)).at(-1);
  cpSync(plain?.folder ?? '', target, { recursive: true });
  writeFileSync(join(target, 'logprobs.json'), JSON.stringify(await node.logprobs(target, 'Once there was an owl who')));
  await context.close();
}
