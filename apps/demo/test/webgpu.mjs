// WebGPU on SwiftShader: a text, and a device that goes away, in a browser of its own.
import assert from 'node:assert/strict';
import { launch } from './host.mjs';
import { ended, engineOf, open, press, write } from './page.mjs';

const PROMPT = 'Once there was a';
/** SwiftShader compiles each of some 35 shaders for a good half second. */
const PATIENCE = 240_000;

/** The text of WebGPU is that of WebAssembly; a lost device is told of, and the text goes on without it. @param {import('./rooms.mjs').Place} place */
export async function webgpu({ url, node }) {
  const browser = await launch({ hasWebGpu: true });
  try {
    const { page } = await open(await browser.newContext(), `${url}?device=webgpu`, '#/talk');
    const text = await write(page, { prompt: PROMPT, seed: 7, tokens: 16, timeout: PATIENCE });
    await page.getByRole('button', { name: 'WebGPU' }).waitFor();
    const here = await node.generate(PROMPT, { maxTokens: 16, temperature: 0.8, topP: 0.95, seed: 7 });
    assert.equal(text, PROMPT + here, 'the text of WebGPU, and of WebAssembly in Node');
    await engineOf(page).evaluate(() => /** @type {any} */ (globalThis)._tfengine.backend.device.destroy());
    await press(page, 'Again');
    await page.getByText('The graphics card went away').waitFor({ timeout: PATIENCE });
    await ended(page, /^Reached the token limit\./, PATIENCE);
    await page.getByRole('button', { name: 'WebAssembly' }).waitFor();
    assert.equal(await page.locator('.text > p').textContent(), text, 'the text without the device');
  } finally {
    await browser.close();
  }
}
