// WebGPU on SwiftShader: the talk of a few tokens, on the graphics path, in a browser of its own.
import assert from 'node:assert/strict';
import { launch } from './host.mjs';
import { open, write } from './page.mjs';

/** @param {import('./rooms.mjs').Place} place */
export async function webgpu({ url, node }) {
  const browser = await launch({ hasWebGpu: true });
  try {
    const { page } = await open(await browser.newContext(), `${url}?device=webgpu`, '#/talk');
    const text = await write(page, { prompt: 'Once there was a', seed: 7, tokens: 16 });
    await page.getByRole('button', { name: 'WebGPU' }).waitFor();
    const here = await node.generate('Once there was a', { maxTokens: 16, temperature: 0.8, topP: 0.95, seed: 7 });
    assert.equal(text, `Once there was a${here}`, 'the text of WebGPU, and of WebAssembly in Node');
  } finally {
    await browser.close();
  }
}
