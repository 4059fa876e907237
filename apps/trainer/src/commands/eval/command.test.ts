import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { characterTokenizer, tokenizerFromJson } from '@densessm/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../io';
import { main } from '../../main';
import { fakeIo, run } from '../../test-support/fake-io';
import { TINY_MAMBA, testFolder, writeTinyModel } from '../../test-support/tiny-model';

let folder: Awaited<ReturnType<typeof testFolder>>;
const at = (...names: string[]): string => join(folder.path, ...names);
const TEXT = 'The cat sat on the mat.\nIt was warm there.\n';

beforeAll(async () => {
  folder = await testFolder();
  await writeTinyModel(at('model'));
  await writeFile(at('text.txt'), TEXT);
  await writeFile(at('lambada.jsonl'), ['a b c', 'the cat sat', 'x y'].map((text) => `${JSON.stringify({ text })}\n`).join(''));
  const questions = [0, 1, 0].map((gold) => ({ query: 'a', choices: ['b', 'c c c'], gold }));
  await writeFile(at('questions.jsonl'), questions.map((one) => JSON.stringify(one)).join('\n'));
});
afterAll(() => folder.remove());

const evaluate = (...argv: string[]) => run(['eval', ...argv], { cwd: folder.path });

describe('densessm eval', () => {
  it('lays results out as lm-evaluation-harness does', async () => {
    const files = ['--perplexity', 'text.txt', '--lambada', 'lambada.jsonl', '--multiple-choice', 'questions.jsonl'];
    const { code, stdout } = await evaluate('model', ...files, '--limit', '2', '--output', 'results.json', '--json');
    expect(code).toBe(EXIT.fine);
    const results = JSON.parse(stdout);
    expect(JSON.parse(await readFile(at('results.json'), 'utf8'))).toEqual(results);
    expect(Object.keys(results.results)).toEqual(['text', 'lambada_openai', 'questions']);
    expect(results.results.text).toMatchObject({ name: 'text', alias: 'text', sample_len: 1, 'word_perplexity_stderr,none': 'N/A' });
    expect(results.results.lambada_openai).toMatchObject({
      'acc,none': expect.any(Number),
      'acc_stderr,none': expect.any(Number),
      'perplexity,none': expect.any(Number),
      'perplexity_stderr,none': expect.any(Number),
    });
    expect(results['n-samples']).toEqual({
      text: { original: 1, effective: 1 },
      lambada_openai: { original: 3, effective: 2 },
      questions: { original: 3, effective: 2 },
    });
    expect(results.higher_is_better.questions).toEqual({ acc: true, acc_norm: true });
    expect(results).toMatchObject({
      versions: { text: 1 },
      'n-shot': { text: 0 },
      config: { model: 'mamba', model_num_parameters: 8576, limit: 2, device: 'wasm' },
      date: expect.any(Number),
      eot_token_id: 256,
      model_name: 'model',
    });
  });

  it('measures with weights as they are kept in memory', async () => {
    const perplexityOf = async (...argv: string[]) => {
      const { results, config } = JSON.parse((await evaluate(...argv, '--perplexity', 'text.txt', '--json')).stdout);
      return { perplexity: results.text['token_perplexity,none'], dtype: config.model_dtype };
    };
    const [exact, rounded] = [await perplexityOf('model'), await perplexityOf('model', '--weights', 'int4')];
    expect([exact.dtype, rounded.dtype]).toEqual(['float32', 'int4']);
    expect(rounded.perplexity).not.toBe(exact.perplexity);
    await run(['convert', 'model', 'int4', '--dtype', 'int4'], { cwd: folder.path });
    expect(await perplexityOf('int4')).toEqual(rounded);
  });

  it('divides one log-likelihood by words, bytes and tokens', async () => {
    const { stdout } = await evaluate('model', '--perplexity', 'text.txt', '--json');
    const { text } = JSON.parse(stdout).results;
    const logprob = -Math.log(text['token_perplexity,none']) * TEXT.length; // a byte is a token
    expect(text['byte_perplexity,none']).toBeCloseTo(text['token_perplexity,none'], 6);
    expect(Math.log(text['word_perplexity,none'])).toBeCloseTo(-logprob / 11, 6); // ten words and the empty one after the last line
    expect(text['bits_per_byte,none']).toBeCloseTo(-logprob / TEXT.length / Math.LN2, 6);
  });

  it('reads data as training does, whatever its form', async () => {
    const texts = ['a b c', 'the cat sat', 'x y'];
    const lines = texts.map((text) => `${JSON.stringify({ id: 1, meta: { text } })}\n`).join('');
    await writeFile(at('nested.ndjson'), lines.replaceAll('\n', '\r\n'));
    await writeFile(at('nested.json.gz'), gzipSync(lines));
    await writeFile(at('bordered.txt'), texts.join('\n<|endoftext|>\n'));
    const resultOf = async (argv: string[], stdin?: string) => {
      const { stdout } = await run(['eval', 'model', '--perplexity', ...argv, '--json'], { cwd: folder.path, stdin });
      const { results, 'n-samples': samples } = JSON.parse(stdout);
      const [[name, metrics]] = Object.entries<Record<string, number>>(results) as [[string, Record<string, number>]];
      return [metrics['token_perplexity,none'], samples[name]];
    };
    const expected = await resultOf(['lambada.jsonl']);
    expect(expected[1]).toEqual({ original: 3, effective: 3 });
    const field = ['--field', 'meta.text'];
    for (const argv of [['nested.ndjson', ...field], ['nested.json.gz', ...field], ['bordered.txt']])
      expect(await resultOf(argv)).toEqual(expected);
    expect(await resultOf(['-', ...field], lines)).toEqual(expected);
    expect((await resultOf(['-', ...field, '--skip-bad-lines', '--limit', '2'], `${lines}no JSON\n`))[1]).toEqual({
      original: 3,
      effective: 2,
    });
    const rows = join(import.meta.dirname, '../../../fixtures/parquet/rows-zstd.parquet');
    expect((await resultOf([rows]))[1]).toEqual({ original: 4, effective: 4 });
  });

  it('shows a table to people, and writes what each document contributed where asked', async () => {
    const { code, stdout } = await evaluate('model', '--lambada', 'lambada.jsonl', '--log-samples', 'samples.jsonl');
    expect(code).toBe(EXIT.fine);
    expect(stdout).toMatch(/lambada_openai +3 +perplexity +↓/);
    const lines = (await readFile(at('samples.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).doc_id)).toEqual([0, 1, 2]);
    expect(await evaluate('model', '--lambada', 'lambada.jsonl', '--log-samples', 'samples.jsonl')).toMatchObject({
      code: EXIT.usage,
      stderr: expect.stringContaining('--overwrite'),
    });
  });

  it('names the documents of which a token spans query and choice, and takes questions from a packed file', async () => {
    const vocab = Object.fromEntries(['<unk>', 'a', ':', ' ', 'C', 'D', ': ', ': C'].map((token, id) => [token, id]));
    const model = {
      type: 'BPE',
      unk_token: '<unk>',
      vocab,
      merges: [
        [':', ' '],
        [': ', 'C'],
      ],
    };
    const tokenizer = tokenizerFromJson(JSON.stringify({ version: '1.0', added_tokens: [], model }));
    await writeTinyModel(at('merged'), { config: { ...TINY_MAMBA, vocab_size: tokenizer.vocabSize }, tokenizer });
    const question = JSON.stringify({ query: 'a:', choices: ['C', 'D'], gold: 0 });
    await writeFile(at('q.ndjson.gz'), gzipSync(`${question}\n${question}\n`));
    const { code, stdout, stderr } = await evaluate('merged', '--multiple-choice', 'q.ndjson.gz', '--json');
    expect(stderr).toContain('q: document 0, 1: a token spans context and continuation');
    expect([code, JSON.parse(stdout)['n-samples'].q]).toEqual([EXIT.fine, { original: 2, effective: 2 }]);
  });

  it('begins texts with a line break where the tokenizer has no token for it', async () => {
    const tokenizer = characterTokenizer(TEXT, { unkToken: null });
    await writeTinyModel(at('characters'), { config: { ...TINY_MAMBA, vocab_size: tokenizer.vocabSize }, tokenizer });
    const { code, stderr } = await evaluate('characters', '--perplexity', 'text.txt', '--json');
    expect([code, stderr]).toEqual([EXIT.fine, expect.stringContaining('a line break is read before each')]);
  });

  it.each([
    ['nothing to measure', ['model'], EXIT.usage, 'nothing to measure'],
    ['a missing text', ['model', '--perplexity', 'none.txt'], EXIT.failure, 'none.txt does not exist'],
    ['a folder as text', ['model', '--perplexity', 'model'], EXIT.failure, 'is a folder'],
    ['an empty text', ['model', '--perplexity', 'empty.txt'], EXIT.failure, 'is empty'],
    ['text in another encoding', ['model', '--perplexity', 'latin.txt'], EXIT.failure, 'byte 0xe9 at offset 3'],
    ['a line that is no JSON', ['model', '--lambada', 'bad.jsonl'], EXIT.failure, 'bad.jsonl, line 2: this is no JSON'],
    ['a field that is not there', ['model', '--perplexity', 'lambada.jsonl', '--field', 'nope'], EXIT.failure, '--field text'],
    ['plain text for LAMBADA', ['model', '--lambada', 'text.txt'], EXIT.failure, 'text.txt holds no records'],
    ['a text that no memory holds', ['model', '--perplexity', 'huge.txt'], EXIT.failure, 'too long to be held in memory'],
    ['a missing model', ['none', '--perplexity', 'text.txt'], EXIT.failure, 'there is no model at "none"'],
    ['a model without tokenizer', ['mute', '--perplexity', 'text.txt'], EXIT.failure, 'has no tokenizer'],
    ['a limit of nothing', ['model', '--perplexity', 'text.txt', '--limit', '0'], EXIT.usage, 'an integer from 1'],
  ])('refuses %s', async (_, argv, code, message) => {
    await writeFile(at('empty.txt'), '');
    await writeFile(at('latin.txt'), Buffer.from('caf\u00e9', 'latin1'));
    await writeFile(at('huge.txt'), 'a');
    await truncate(at('huge.txt'), 600e6); // a hole: nothing is on the disk
    await writeFile(at('bad.jsonl'), '{"text": "a b"}\n{"text": \n');
    await writeTinyModel(at('mute'), { tokenizer: null });
    expect(await evaluate(...argv)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('ends with 130 where it is broken off, and writes nothing', async () => {
    const controller = new AbortController();
    controller.abort();
    const io = fakeIo({ cwd: folder.path, signal: controller.signal });
    expect(await main(['eval', 'model', '--perplexity', 'text.txt', '--output', 'broken.json'], io)).toBe(EXIT.interrupted);
    await expect(readFile(at('broken.json'))).rejects.toThrow('ENOENT');
  });
});
