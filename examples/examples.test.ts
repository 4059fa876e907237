import { startBackend } from '@densessm/runtime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { modelFolder, printed } from './harness';

let model: Awaited<ReturnType<typeof modelFolder>>;
beforeAll(async () => {
  await startBackend({ device: 'wasm', threads: 1 });
  model = await modelFolder();
});
afterAll(() => model.remove());

const known = (line = ''): number => Number(/\((\d+) of \d+ tokens known\)/.exec(line)?.[1]);

it('Text: five lines write a text, and its parts as they come', async () => {
  const [whole = '', ...parts] = (await printed('text', model.folder)).split('\n');
  expect(JSON.parse(whole)).not.toBe('');
  expect(parts.join('\n')).not.toBe('');
});

it('The chat server answers two clients, and goes on from their states', async () => {
  const lines = (await printed('chat-server', model.folder)).split('\n').filter((line) => line.startsWith('Anna: '));
  expect(lines).toHaveLength(2);
  expect(known(lines[0])).toBe(0);
  expect(known(lines[1])).toBeGreaterThan(0);
});

it('The AI SDK streams a conversation, which is not read again', async () => {
  const text = await printed('ai-sdk', model.folder);
  const [first, second] = text.split('And then? -> ');
  expect([known(first), known(second) > 0]).toEqual([0, true]);
});

it('LangChain runs a chain of two models', async () => {
  expect(await printed('langchain', model.folder)).toMatch(/.\nand 2 more\n$/s);
});

it('The time series trains a DenseMamba and an LSTM of equal size', async () => {
  const [spread = '', ...models] = (await printed('time-series', '0.5')).trim().split('\n');
  expect(spread).toMatch(/spread of 0\.\d{3}$/);
  const sizes = models.map((line) => Number(/^\w+: (\d+) weights, error \d+\.\d{3} after [1-9]\d* steps/.exec(line)?.[1]));
  expect(sizes).toHaveLength(2);
  expect(Math.max(...sizes) / Math.min(...sizes)).toBeLessThan(1.02);
});
