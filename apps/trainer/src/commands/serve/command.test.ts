import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { main } from '../../main';
import { fakeIo, run } from '../../test-support/fake-io';
import { testFolder, writeTinyModel } from '../../test-support/tiny-model';

let folder: Awaited<ReturnType<typeof testFolder>>;
beforeAll(async () => {
  folder = await testFolder();
  await writeTinyModel(join(folder.path, 'model'), { tokenizerConfig: { chat_template: '{{ messages[0].content }}' } });
  await writeTinyModel(join(folder.path, 'mute'), { tokenizer: null });
});
afterAll(() => folder.remove());

/** Runs the command until the action is done; then it is interrupted. */
async function served(
  source: string,
  argv: readonly string[],
  action: (url: string) => Promise<void>,
): Promise<{ code: number; stderr: string }> {
  const interrupt = new AbortController();
  const io = fakeIo({ cwd: folder.path, signal: interrupt.signal, env: { DENSESSM_API_KEY: 'key' } });
  const running = main(['serve', source, '--device', 'wasm', '--port', '0', ...argv], io);
  try {
    await expect.poll(() => io.written().stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\n$/);
    await action(io.written().stdout.trim());
  } finally {
    interrupt.abort();
  }
  return { code: await running, stderr: io.written().stderr };
}

describe('densessm serve', () => {
  it('answers until it is interrupted, and leaves nothing behind', async () => {
    await setBackend('wasm');
    const before = memory().numTensors;
    const headers = { authorization: 'Bearer key', 'content-type': 'application/json' };
    const { code, stderr } = await served('model', ['--max-tokens', '7', '--states', 'states'], async (url) => {
      const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], stream: true });
      const answer = await fetch(`${url}/chat/completions`, { method: 'POST', headers, body });
      expect(await answer.text()).toMatch(/data: \[DONE\]\n\n$/);
      expect(await (await fetch(`${url}/models`, { headers })).json()).toMatchObject({ data: [{ id: 'model' }] });
      expect((await fetch(`${url}/models`)).status).toBe(401);
      const info = await fetch(`${url.slice(0, -3)}/tokenizer_info`, { headers });
      expect(await info.json()).toMatchObject({ chat_template: '{{ messages[0].content }}' });
    });
    expect(code, stderr).toBe(EXIT.fine);
    expect(memory().numTensors).toBe(before);
  });

  it('serves a run under its name, and draws as generation_config.json says', async () => {
    const model = join(folder.path, 'out', 'book', 'best');
    await writeTinyModel(model, { tokenizerConfig: { chat_template: '{{ messages[0].content }}' } });
    await writeFile(join(model, 'generation_config.json'), '{"do_sample": false, "max_new_tokens": 3}');
    const headers = { authorization: 'Bearer key', 'content-type': 'application/json' };
    const ask = async (url: string): Promise<unknown> => {
      const body = JSON.stringify({ model: 'book', messages: [{ role: 'user', content: 'Hi' }] });
      return (await fetch(`${url}/chat/completions`, { method: 'POST', headers, body })).json();
    };
    const { code, stderr } = await served('out/book', [], async (url) => {
      const [one, other] = [await ask(url), await ask(url)] as { choices: unknown; usage: { completion_tokens: number } }[];
      expect(one?.choices).toEqual(other?.choices); // the most likely tokens, not drawn
      expect(one?.usage.completion_tokens).toBeLessThanOrEqual(3);
    });
    expect(code, stderr).toBe(EXIT.fine);
  });

  it('tells in words of its flags what cannot be', async () => {
    const wrong = (...argv: string[]) => run(['serve', ...argv], { cwd: folder.path });
    expect(await wrong('mute')).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('--tokenizer') });
    expect(await wrong('model', '--port', '70000')).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('--port') });
    expect(await wrong('model', '--host=')).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('--host is empty') });
    expect(await wrong('model', '--api-key', '')).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('--api-key is empty'),
    });
    await served('model', [], async (url) => {
      const { port } = new URL(url);
      expect(await wrong('model', '--port', port)).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('EADDRINUSE') });
    });
  });
});
