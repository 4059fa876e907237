import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { setBackend, tensor2d } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { ModelBundle } from './bundle';
import { generate, stream } from './generate';
import { Session } from './session/session';
import { chainBundle, toyBundle } from './test-support/toy-model';

const TEXT = 'Zoë–東京!';

/** A model of bytes that says TEXT once it begins, each byte of which must be another. */
function parrot(): ModelBundle {
  const tokenizer = byteTokenizer();
  const { vocabSize } = tokenizer;
  const ids = tokenizer.encode(TEXT);
  expect(new Set(ids).size).toBe(ids.length);
  const table = new Float32Array(vocabSize * vocabSize);
  for (const [i, id] of ids.entries()) table[id * vocabSize + (ids[(i + 1) % ids.length] as number)] = 9;
  const { model, config, params } = toyBundle({ vocabSize });
  disposeTree(params);
  return { model, config, params: { table: tensor2d(table, [vocabSize, vocabSize]) }, tokenizer };
}

it('goes from text to text with the tokenizers of @densessm/tokenizer, a whole character at a time', async () => {
  await setBackend('wasm');
  const bundle = parrot();
  const rest = TEXT.slice(1);
  const maxTokens = new TextEncoder().encode(rest).length;
  const parts: string[] = [];
  for await (const { text } of stream(bundle, 'Z', { maxTokens })) parts.push(text);
  expect(parts.filter((text) => text !== '')).toEqual([...rest]);
  expect(await generate(bundle, 'Z', { stop: '京', maxTokens: 30 })).toMatchObject({ text: 'oë–東', finishReason: 'stop' });
  expect((await generate(bundle, 'Z', { maxTokens: 2 })).text).toBe('o\uFFFD');
  const session = new Session(bundle);
  await session.append('Z');
  await session.generate({ maxTokens: 2 }); // half of ë
  expect((await session.generate({ maxTokens: 1 })).text).toBe('ë');
  session.dispose();
  disposeTree(bundle.params);
});

it('goes on where a model says an id that its tokenizer has no token for', async () => {
  const tokenizer = byteTokenizer();
  const next = Array.from({ length: tokenizer.vocabSize + 2 }, (_, id) => (id === 65 ? tokenizer.vocabSize + 1 : 65)); // A, nothing, A …
  const bundle = chainBundle(next, tokenizer);
  expect(await generate(bundle, 'A', { maxTokens: 4 })).toMatchObject({ text: 'AA', tokens: [257, 65, 257, 65] });
  const session = new Session(bundle);
  await session.append('A');
  await session.generate({ maxTokens: 1 });
  expect((await session.generate({ maxTokens: 3 })).text).toBe('AA');
  session.dispose();
  disposeTree(bundle.params);
});
