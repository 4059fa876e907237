import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { run } from '../../test-support/fake-io';
import { testFolder, tinyTokenizer } from '../../test-support/tiny-model';

let folder: Awaited<ReturnType<typeof testFolder>>;
const at = (...names: string[]): string => join(folder.path, ...names);
const TEXT = 'the cat sat on the mat, the cat sat\n';

beforeAll(async () => {
  folder = await testFolder();
  await writeFile(at('tokenizer.json'), JSON.stringify(tinyTokenizer()));
  await writeFile(at('text.txt'), TEXT);
  await writeFile(at('texts.jsonl'), `${JSON.stringify({ story: TEXT })}\n\n${JSON.stringify({ story: TEXT })}\n`);
});
afterAll(() => folder.remove());

const tokenize = (...argv: string[]) => run(['tokenize', ...argv], { cwd: folder.path });

describe('densessm tokenize', () => {
  it('goes from text to ids and back', async () => {
    expect((await tokenize('.', 'hé')).stdout).toBe('104 195 169\n');
    expect((await tokenize('tokenizer.json', '104 195 169', '--decode')).stdout).toBe('hé\n');
    expect((await run(['tokenize', '.', '--json'], { cwd: folder.path, stdin: 'ab' })).stdout).toBe('[\n  97,\n  98\n]\n');
    expect((await tokenize('.', '--file', 'text.txt')).stdout.split(' ')).toHaveLength(TEXT.length);
  });

  it('counts, and shows the pieces', async () => {
    expect(JSON.parse((await tokenize('.', 'héé', '--count', '--json')).stdout)).toEqual({
      tokens: 5,
      differentTokens: 3,
      characters: 3,
      bytes: 5,
      bytesPerToken: 1,
    });
    expect(JSON.parse((await tokenize('.', 'a', '--pieces', '--json')).stdout)).toEqual([{ id: 97, token: 'a', text: 'a' }]);
    expect((await tokenize('.', 'a b', '--pieces')).stdout).toMatch(/97 {2}"a" +a\n/);
    expect((await tokenize('.', 'a b', '--count')).stdout).toMatch(/^tokens +3, 3 different ones$/m);
  });

  it('trains a BPE, which it then opens', async () => {
    const flags = ['--vocab-size', '262', '--special-tokens', '<s>', '</s>', '--output', 'bpe.json'];
    const trained = await tokenize('--train', 'text.txt', 'texts.jsonl', '--field', 'story', ...flags);
    expect(trained).toMatchObject({ code: EXIT.fine, stdout: 'bpe.json: 262 tokens from 108 characters\n' });
    expect(JSON.parse(await readFile(at('bpe.json'), 'utf8')).added_tokens).toHaveLength(2);
    const ids = (await tokenize('bpe.json', 'the cat', '--json')).stdout;
    expect(JSON.parse(ids).length).toBeLessThan(7);
    expect((await tokenize('bpe.json', JSON.parse(ids).join(' '), '--decode')).stdout).toBe('the cat\n');
    await writeFile(at('bad.jsonl'), `{"text": "some words"}\n{"text": \n`);
    const skipping = await tokenize('--train', 'bad.jsonl', '--skip-bad-lines', '--output', 'bad.json');
    expect(skipping.stdout).toContain('1 lines left out');
    expect(await tokenize('--train', 'text.txt', '--output', 'bpe.json')).toMatchObject({ code: EXIT.usage });
    expect(await tokenize('--train', 'text.txt', '--output', 'bpe.json', '--overwrite')).toMatchObject({ code: EXIT.fine });
  });

  it.each([
    ['no tokenizer', [], EXIT.usage, 'no tokenizer is named'],
    ['a tokenizer that is not there', ['none.json', 'a'], EXIT.failure, 'none.json is missing'],
    ['a folder without one', ['empty', 'a'], EXIT.failure, 'there is no model'],
    ['ids that are none', ['.', 'a b', '--decode'], EXIT.usage, 'no token ids'],
    ['ids beyond the vocabulary', ['.', '999', '--decode'], EXIT.failure, '999'],
    ['training beside a tokenizer', ['.', '--train', 'text.txt'], EXIT.usage, 'leave one of the two out'],
    ['a vocabulary smaller than the bytes', ['--train', 'text.txt', '--vocab-size', '10'], EXIT.usage, 'from 257'],
    ['a field that is not there', ['--train', 'texts.jsonl', '--output', 'x.json'], EXIT.failure, '--field'],
    ['a text that is empty', ['--train', 'empty.txt', '--output', 'x.json'], EXIT.failure, 'empty.txt'],
  ])('refuses %s', async (_, argv, code, message) => {
    await writeFile(at('empty.txt'), '');
    expect(await tokenize(...argv)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('trains on the standard input, and leaves no copy of it behind', async () => {
    const copies = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('densessm-tokenize-'));
    const before = await copies();
    const argv = ['tokenize', '--train', '-', '--output', 'piped.json', '--vocab-size', '257'];
    expect(await run(argv, { cwd: folder.path, stdin: 'one text and another' })).toMatchObject({ code: 0 });
    expect(await run([...argv, '--overwrite'], { cwd: folder.path, stdin: '' })).toMatchObject({ code: 1 });
    expect((await copies()).filter((name) => !before.includes(name))).toEqual([]);
  });
});
