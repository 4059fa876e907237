import { expect, it } from 'vitest';
import { fixtureBytes, fixtureLines } from '../fixtures';
import { loadTokenizer } from './load';

const folder = (files: Record<string, unknown>) => (name: string) => {
  const file = files[name];
  if (file === undefined) return null;
  return file instanceof Uint8Array ? file : new TextEncoder().encode(typeof file === 'string' ? file : JSON.stringify(file));
};
const json = fixtureLines('llama')[0];

it('loads a tokenizer.json with the files beside it', async () => {
  const files = {
    'tokenizer.json': json,
    'tokenizer_config.json': { eos_token: '</s>', chat_template: 'old' },
    'special_tokens_map.json': { pad_token: '<unk>' },
    'chat_template.jinja': 'new',
  };
  const tokenizer = await loadTokenizer(folder(files));
  expect(tokenizer.specialIds).toEqual({ bos: 1, eos: 2, pad: 0, unk: 0 });
  expect(tokenizer.applyChatTemplate([])).toBe('new');
});

it('loads a tokenizer.model where there is no tokenizer.json', async () => {
  const model = fixtureBytes('sentencepiece-bpe.model');
  const begins = async (config: unknown) => {
    const files = { 'tokenizer.model': model, 'tokenizer_config.json': config };
    const tokenizer = await loadTokenizer(async (name) => folder(files)(name));
    const ids = tokenizer.encode('a');
    return [ids[0] === tokenizer.specialIds.bos, ids.at(-1) === tokenizer.specialIds.eos];
  };
  expect(await begins({})).toEqual([true, false]);
  expect(await begins({ add_bos_token: false, add_eos_token: true })).toEqual([false, true]);
});

it('reads files that are opened and closed, too', async () => {
  const read = folder({ 'tokenizer.json': json });
  let [opened, closed] = [0, 0];
  const open = async (name: string) => {
    const bytes = read(name);
    if (bytes === null) return undefined;
    opened++;
    const close = async () => void closed++;
    return { size: bytes.length, read: async (offset: number, length: number) => bytes.subarray(offset, offset + length), close };
  };
  expect((await loadTokenizer({ open })).specialIds.bos).toBe(1);
  expect([opened, closed]).toEqual([1, 1]);
});

it('says what is missing or broken', async () => {
  await expect(loadTokenizer(() => null)).rejects.toThrowErrorMatchingInlineSnapshot(`
    [TokenizerError: loadTokenizer: the model has no tokenizer.
      expected  tokenizer.json or tokenizer.model among its files
      got       neither
      fix       add the tokenizer of the model that this one was made from; state-spaces/mamba models use that of EleutherAI/gpt-neox-20b]
  `);
  await expect(loadTokenizer(folder({ 'tokenizer.json': json, 'tokenizer_config.json': '{' }))).rejects.toMatchObject({ code: 'FILE' });
  await expect(loadTokenizer(folder({ 'tokenizer.json': json, 'special_tokens_map.json': '[]' }))).rejects.toMatchObject({ code: 'FILE' });
});
