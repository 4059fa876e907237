import { appendFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SsmError } from '@densessm/ssm-core';
import { characterTokenizer } from '@densessm/tokenizer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTrainingData } from './open';
import type { DataServices, TrainingData, TrainingDataOptions } from './options';

const PARQUET = join(import.meta.dirname, '..', '..', 'fixtures', 'parquet');
const POEM = 'Ein Fuchs sprang über 🙂 den Zaun,\r\nund niemand hat ihn gesehen.\n'.repeat(20);

let cwd: string;
let opened: TrainingData[];
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'training-data-'));
  opened = [];
});
afterEach(async () => {
  for (const data of opened) await data.close();
  await rm(cwd, { recursive: true });
});

const put = async (files: Record<string, string | Uint8Array>): Promise<void> => {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(cwd, name, '..'), { recursive: true });
    await writeFile(join(cwd, name), content);
  }
};

async function open(options: Partial<TrainingDataOptions>, services: DataServices = {}): Promise<TrainingData> {
  const all = { data: ['text.txt'], cacheDir: 'cache', blockSize: 4, ...options };
  const data = await openTrainingData(all, { cwd, ...services });
  opened.push(data);
  return data;
}

async function wholeText({ train, validation, tokenizer }: TrainingData): Promise<string> {
  const parts = [await train.read(0, train.length), await validation.read(0, validation.length)];
  return parts.map((part) => tokenizer.decode(part)).join('');
}

async function refusal(options: Partial<TrainingDataOptions>, services?: DataServices): Promise<SsmError> {
  const error = await open(options, services).then(
    () => expect.unreachable('it was opened'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SsmError);
  return error as SsmError;
}

describe('one text', () => {
  it('becomes the characters that nanoGPT makes of it, its last tenth held out', async () => {
    await put({ 'text.txt': POEM });
    const data = await open({});
    expect(await wholeText(data)).toBe(POEM);
    expect(data.tokenizer.vocabSize).toBe(new Set(POEM).size);
    const sorted = [...new Set(POEM)].sort((a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0));
    expect(sorted.map((character) => data.tokenizer.encode(character)[0])).toEqual(sorted.map((_, id) => id));
    const length = [...POEM].length;
    expect([data.train.length, data.validation.length]).toEqual([Math.floor(length * 0.9), length - Math.floor(length * 0.9)]);
    expect(Array.from(data.train.documentStarts)).toEqual([0]);
    expect(data.summary).toMatchObject({
      files: 1,
      documents: 1,
      characters: POEM.length,
      split: 'the last 10 % of the tokens',
      fromCache: false,
    });
  });

  it.each(['byte', 'bpe'])('comes back from %s tokens', async (tokenizer) => {
    await put({ 'text.txt': POEM });
    const data = await open({ tokenizer, vocabSize: 300 });
    expect((await wholeText(data)).replaceAll('<|endoftext|>', '')).toBe(POEM);
    expect(data.tokenizer.vocabSize).toBe(tokenizer === 'byte' ? 257 : 300);
  });

  it('is cut at the mark between documents', async () => {
    await put({ 'text.txt': 'one one one\n<|endoftext|>\ntwo two\n<|endoftext|>\nthree three' });
    const data = await open({ valFraction: 0.4 });
    expect(await wholeText(data)).toBe('<|endoftext|>one one one<|endoftext|>two two<|endoftext|>three three');
    expect(Array.from(data.train.documentStarts)).toEqual([0, 12]);
    expect(data.train.separator).toBe(data.tokenizer.tokenToId('<|endoftext|>'));
    expect(data.summary).toMatchObject({ documents: 3, split: 'the last 1 of 3 documents, 37.5 % of the tokens' });
  });
});

describe('data of every kind', () => {
  it('is read in its order, a folder by its names', async () => {
    await put({
      'folder/b.txt': 'of b',
      'folder/a/z.jsonl.gz': gzipSync('{"text": "of z1"}\n\n{"text": "of z2"}'),
      'folder/a/empty.txt': '',
      'folder/notes.md': 'not data',
      'folder/.hidden.txt': 'hidden',
      'named.md': 'of md',
      'c.jsonl': '{"body": "wrong", "text": "of c \\ud83d\\ud83d\\ude42"}\r\n"of a string"',
    });
    const data = await open({ data: ['named.md', 'folder', 'c.jsonl', join(PARQUET, 'rows-zstd.parquet')], valFraction: 0.2 });
    const texts = [
      'of md',
      'of z1',
      'of z2',
      'of b',
      'of c \uFFFD🙂',
      'of a string',
      'The first row.',
      'Grüße 🙂',
      'The first row.',
      'The last row.',
    ];
    expect((await wholeText(data)).split('<|endoftext|>').slice(1)).toEqual(texts);
    expect(data.summary).toMatchObject({ files: 5, documents: 10 });
  });

  it('comes from the standard input, packed or not, as text or as lines of JSON', async () => {
    const inputs: [string | Uint8Array, string][] = [
      ['plain text', 'plain text'],
      [gzipSync('packed text'), 'packed text'],
      ['{"text": "json"}\n{"text": "lines"}\n', '<|endoftext|>json<|endoftext|>lines'],
    ];
    for (const [input, expected] of inputs) {
      async function* stdin() {
        const bytes = Buffer.from(input);
        for (let i = 0; i < bytes.length; i += 7) yield bytes.subarray(i, i + 7);
      }
      expect(await wholeText(await open({ data: ['-'], blockSize: 1, valFraction: 0.4 }, { stdin: stdin() }))).toBe(expected);
    }
  });

  it('may have a held-out part of its own, whose characters are known too', async () => {
    await put({ 'text.txt': 'abcabcabc', 'held.txt': 'xyzabc' });
    const { train, validation, tokenizer, summary } = await open({ valData: ['held.txt'] });
    expect([tokenizer.decode(await train.read(0, 9)), tokenizer.decode(await validation.read(0, 6))]).toEqual(['abcabcabc', 'xyzabc']);
    expect(summary.split).toBe('given');
  });

  it('may hold its text in a field within a field, whose dotted name may also be its own', async () => {
    const record = { id: 1, meta: { n: { text: 'within two' } }, 'of.one': 'dotted' };
    await put({ 'nested.jsonl': `${JSON.stringify(record)}\n` });
    for (const [field, text] of [
      ['meta.n.text', 'within two'],
      ['of.one', 'dotted'],
    ])
      expect(await wholeText(await open({ data: ['nested.jsonl'], field, valFraction: 0.4, blockSize: 1 }))).toBe(text);
    const { message } = await refusal({ data: ['nested.jsonl'], field: 'meta.n' });
    expect(message).toContain('--field meta.n.text');
  });

  it('may be stories, which are held out by what they are', async () => {
    const { train, validation, summary } = await open({ data: ['stories:200000'], tokenizer: 'byte' });
    expect([train.documentStarts.length > 100, validation.documentStarts.length > 3]).toEqual([true, true]);
    expect(summary.split).toBe('stories that are not among the others');
  });

  it('takes a tokenizer from a file or a folder', async () => {
    await put({ 'text.txt': 'abc '.repeat(20), 'own.json': JSON.stringify(characterTokenizer('xyz abc')) });
    await put({ 'folder/tokenizer.json': JSON.stringify(characterTokenizer('xyz abc')) });
    for (const tokenizer of ['own.json', 'folder']) {
      const data = await open({ tokenizer });
      expect([await wholeText(data), data.tokenizer.vocabSize]).toEqual(['abc '.repeat(20), 8]);
    }
  });
});

describe('the cache', () => {
  const cached = async (options: Partial<TrainingDataOptions> = {}) => (await open(options)).summary.fromCache;
  const tokenFiles = async () => (await readdir(join(cwd, 'cache'))).filter((name) => name.startsWith('tokens-'));

  it('serves the same data again, and is made anew where the data has changed', async () => {
    await put({ 'text.txt': POEM });
    expect([await cached(), await cached(), await cached({ blockSize: 8, valFraction: 0.2 })]).toEqual([false, true, true]);
    await appendFile(join(cwd, 'text.txt'), 'more');
    expect(await cached()).toBe(false);
    await utimes(join(cwd, 'text.txt'), 1, 1);
    expect([await cached(), await cached()]).toEqual([false, true]);
    expect((await tokenFiles()).length).toBe(1); // the stale ones were replaced
    expect([await cached({ tokenizer: 'byte' }), await cached()]).toEqual([false, true]);
  });

  it('removes what a killed process has left behind', async () => {
    await put({ 'text.txt': POEM });
    await open({});
    const [name] = await tokenFiles();
    await put({ [`cache/${name}.999999999.left.tmp`]: 'half' });
    await appendFile(join(cwd, 'text.txt'), 'more');
    await open({});
    expect(await tokenFiles()).toEqual([name]);
  });

  it('holds nothing of a run that was broken off', async () => {
    await put({ 'text.txt': POEM });
    const controller = new AbortController();
    const stop = (stage: string) => stage === 'tokens' && controller.abort(new Error('enough'));
    await expect(open({}, { signal: controller.signal, onProgress: ({ stage }) => stop(stage) })).resolves.toBeDefined();
    await put({ 'text.txt': POEM.repeat(2000) }); // more than one read
    const again = new AbortController();
    const progress = ({ stage }: { stage: string }) => stage === 'tokens' && again.abort(new Error('enough'));
    await expect(open({}, { signal: again.signal, onProgress: progress })).rejects.toThrow('enough');
    expect((await tokenFiles()).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('that cannot be written is one clear error', async () => {
    await put({ 'text.txt': POEM, cache: 'a file where the folder should be' });
    expect((await refusal({})).code).toBe('FILE');
    expect((await refusal({ tokenizer: 'byte' })).code).toBe('FILE');
  });
});

describe('bad data', () => {
  const line = (text: string) => `${JSON.stringify({ text })}\n`;
  const files: Record<string, string | Uint8Array> = {
    'empty.txt': '',
    'short.txt': 'ab',
    'latin1.txt': Buffer.concat([Buffer.from('Gr'), Buffer.from([0xfc, 0xdf]), Buffer.from('e')]),
    'utf16.txt': Buffer.from('\uFEFFHallo', 'utf16le'),
    'cut.txt': Buffer.from('Hallo 🙂').subarray(0, -1),
    'bad.jsonl': `${line('fine')}${line('fine')}{"text": "not closed\n${line('fine')}`,
    'bytes.jsonl': Buffer.concat([Buffer.from(line('fine')), Buffer.from('{"text": "'), Buffer.from([0xff]), Buffer.from('"}')]),
    'fields.jsonl': '{"title": "a", "content": "much longer"}\n',
    'number.jsonl': '{"text": 7}\n',
    'list.json': '["a", "b"]',
    'pretty.json': '[\n  {\n    "text": "a"\n  }\n]',
    'objects.json': '{\n  "text": "a"\n}\n',
    'list inside.json': '{"data": [{"text": "a"}]}',
    'nested.jsonl': '{"id": 0, "meta": {"n": {"body": "short"}, "text": "much longer"}, "text": null}\n',
    'blank.jsonl': '\n\n',
    'broken.gz': gzipSync(POEM).subarray(0, 60),
    'wrong.parquet': 'no parquet at all',
    'pictures/cat.png': 'cat',
    'pictures/dog.png': 'dog',
  };
  const cases: [string, Partial<TrainingDataOptions>][] = [
    ...Object.keys(files)
      .filter((name) => !name.startsWith('pictures'))
      .map((name): [string, Partial<TrainingDataOptions>] => [name, { data: [name] }]),
    ['a folder without text', { data: ['pictures'] }],
    ['a missing file', { data: ['missing.txt'] }],
    ['no source', { data: [] }],
    ['a column that is not there', { data: [join(PARQUET, 'rows-snappy.parquet')], field: 'body' }],
    ['a row without text', { data: [join(PARQUET, 'null.parquet')] }],
    ['a held-out part shorter than a block', { data: ['fine.txt'], blockSize: 64 }],
    ['a missing tokenizer', { data: ['fine.txt'], tokenizer: 'tokens.json' }],
    ['a strange fraction', { data: ['fine.txt'], valFraction: 1 }],
    ['nothing but bad lines', { data: ['fields.jsonl'], skipBadLines: true }],
  ];
  it.each(cases)('%s is one clear error', async (_, options) => {
    await put({ ...files, 'fine.txt': POEM.slice(0, 300) });
    const { code, message } = await refusal(options);
    expect(`${code} ${message.replaceAll(PARQUET, '').replaceAll(cwd, '')}`).toMatchSnapshot();
  });

  it('in single lines is counted and left out, if that is asked for', async () => {
    await put({ 'lines.jsonl': `${line('one one')}no json\n{"body": 1}\n[1]\n${line('two two')}{"text": null}\n` });
    const data = await open({ data: ['lines.jsonl'], skipBadLines: true, valFraction: 0.4 });
    expect(await wholeText(data)).toBe('<|endoftext|>one one<|endoftext|>two two');
    expect(data.summary).toMatchObject({ documents: 2, skippedLines: 4 });
    expect((await open({ data: ['lines.jsonl'], skipBadLines: true, valFraction: 0.4 })).summary.skippedLines).toBe(4);
  });
});
