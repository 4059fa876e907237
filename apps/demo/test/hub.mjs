// The Hub as a page meets it: its answers are given here.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { open, press, write } from './page.mjs';
import { DESKTOP } from './see.mjs';

/** @typedef {import('./rooms.mjs').Place} Place */

const PROMPT = 'Once there was a';

/** A model of the Hub comes with progress; one that is not there and a Hub out of reach are told in words. @param {Place} place */
export async function hub({ browser, url, outDir, see }) {
  const context = await browser.newContext(DESKTOP);
  const held = await mockHub(context, 'someone/plain', join(outDir, 'models', 'plain'));
  const { page } = await open(context, url, '#/talk');
  await page.getByText('values, int8').waitFor();
  const load = async (id) => {
    await page.getByRole('button', { name: /values/ }).click();
    await page.getByLabel('From the Hugging Face Hub').fill(id);
    await press(page, 'Load');
  };
  await load('someone/plain');
  await page.getByRole('button', { name: /^plain opening/ }).waitFor(); // its weights have not begun to come
  held.release();
  await page.getByRole('button', { name: /^plain.*values/ }).waitFor();
  assert.ok((await write(page, { prompt: PROMPT, seed: 3, tokens: 16 }))?.startsWith(PROMPT), 'the model of the Hub writes');
  await load('someone/nothing');
  assert.match((await page.getByRole('alert').textContent()) ?? '', /The Hub has no public model “someone\/nothing”/);
  await see(page, 'trouble');
  await press(page, 'Close this message');
  held.cut();
  await load('someone/other');
  assert.match((await page.getByRole('alert').textContent()) ?? '', /The files did not come\..*Look at the connection/);
  assert.ok((await write(page, { prompt: PROMPT, seed: 3, tokens: 16 }))?.startsWith(PROMPT), 'the model that was there still writes');
  await context.close();
}

/** The Hub with one model; its weights wait until they are released. @param {import('playwright-core').BrowserContext} context @param {string} id @param {string} folder */
export async function mockHub(context, id, folder) {
  let release = () => undefined;
  const released = new Promise((resolve) => (release = () => void resolve(undefined)));
  let isCut = false;
  const headers = { 'access-control-allow-origin': '*' };
  await context.route('https://huggingface.co/**', async (route) => {
    const path = new URL(route.request().url()).pathname.slice(1);
    const file = path.startsWith(`${id}/resolve/main/`) ? path.slice(`${id}/resolve/main/`.length) : undefined;
    if (isCut) return route.abort('internetdisconnected');
    if (path === `api/models/${id}/revision/main`)
      return route.fulfill({ headers, json: { siblings: readdirSync(folder).map((rfilename) => ({ rfilename })) } });
    if (file === undefined) return route.fulfill({ status: 401, headers, json: { error: 'Repository not found' } });
    if (file.endsWith('.safetensors')) await released;
    return route.fulfill({ headers, contentType: 'application/octet-stream', body: readFileSync(join(folder, file)) });
  });
  return { release, cut: () => (isCut = true) };
}
