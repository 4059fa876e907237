import { fileSetOf, pretrainedFiles, readText } from '@densessm/checkpoint';
import { type AnyModel, disposeTree, initParams, weight } from '@densessm/ssm-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeServer, FOLDER, fakeCaches, fakeServer } from '../fixtures/fake-web';
import { type DownloadProgress, loadPretrained, openPretrained } from './pretrained';
import { PIECE_BYTES } from './remote-file';

const SIZE = 2 * PIECE_BYTES + 5;
const large = Uint8Array.from({ length: SIZE }, (_, i) => i % 251);
const spec = () => ({ head: weight('head.weight', [100, 100]) });
const tiny = {
  modelType: 'tiny',
  recognizes: () => false,
  parseConfig: (json: object) => json,
  configToJson: () => ({ model_type: 'tiny' }),
  spec,
} as unknown as AnyModel;

let server: FakeServer;
beforeEach(() => {
  server = fakeServer();
  server.files.set('large.bin', large);
  server.files.set('config.json', new TextEncoder().encode('{"model_type":"tiny"}'));
  vi.stubGlobal('fetch', server.fetch);
  vi.stubGlobal('caches', fakeCaches());
  vi.stubGlobal('location', { href: 'https://models.example/page/index.html' });
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((done: () => void) => done()) as unknown as typeof setTimeout); // pauses before another try
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function read(offset = 0, length = SIZE, options: Parameters<typeof openPretrained>[1] = {}) {
  const file = await (await openPretrained(FOLDER, { files: ['large.bin'], ...options })).open('large.bin');
  if (!file) throw new Error('it is missing');
  const bytes = await file.read(offset, length);
  await file.close();
  return bytes;
}
const piece = (i: number) => `large.bin ${i * PIECE_BYTES}-${Math.min(SIZE, (i + 1) * PIECE_BYTES) - 1}`;
const first = `large.bin 0-${PIECE_BYTES - 1}`;

describe('a file on a server', () => {
  it('comes in pieces, those that are read, and is the same', async () => {
    expect(await read(PIECE_BYTES - 3, 7)).toEqual(large.slice(PIECE_BYTES - 3, PIECE_BYTES + 4));
    expect(server.seen).toEqual([first, piece(1)]);
    expect(Buffer.from(await read()).equals(large)).toBe(true);
  });

  it('is not downloaded again on the next visit, nor after an interruption', async () => {
    await read(0, 10);
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    expect(server.seen).toEqual([first, 'large.bin 0-0', piece(1), piece(2)]);
    server.seen.length = 0;
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    expect(server.seen).toEqual(['large.bin 0-0']);
  });

  it('is downloaded again where the server has another one', async () => {
    await read();
    server.etag = '"2"';
    const other = large.map((byte) => byte ^ 1);
    server.files.set('large.bin', other);
    expect(Buffer.from(await read()).equals(other)).toBe(true);
  });

  it('is taken from the last visit where the server cannot be reached', async () => {
    await read();
    server.fault = () => {
      throw new TypeError('Failed to fetch');
    };
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    await expect(read(0, 1, { cache: false })).rejects.toThrow(/cannot be reached/);
  });

  it('comes whole where the server gives no ranges, once', async () => {
    server.givesRanges = false;
    for (let visit = 0; visit < 2; visit++) expect(Buffer.from(await read()).equals(large)).toBe(true);
    expect(server.seen).toEqual([first, 'large.bin 0-0']);
  });

  it.each([true, false])('needs no Cache Storage, and no room in it (ranges: %s)', async (givesRanges) => {
    server.givesRanges = givesRanges;
    for (const caches of [undefined, fakeCaches(1000)]) {
      vi.stubGlobal('caches', caches);
      for (let visit = 0; visit < 2; visit++) expect(Buffer.from(await read()).equals(large)).toBe(true);
    }
  });

  it.each([true, false])('tells how much has come (ranges: %s), also of what was there', async (givesRanges) => {
    server.givesRanges = givesRanges;
    for (let visit = 0; visit < 2; visit++) {
      const steps: DownloadProgress[] = [];
      await read(0, SIZE, { onProgress: (step) => steps.push(step) });
      expect(steps.at(-1)).toEqual({ file: 'large.bin', loaded: SIZE, total: SIZE });
      expect(steps.map(({ loaded }) => loaded)).toEqual(steps.map(({ loaded }) => loaded).sort((a, b) => a - b));
    }
  });

  it('is asked for again where the server is busy', async () => {
    let busy = 2;
    server.fault = () => (busy-- > 0 ? new Response('', { status: 503 }) : undefined);
    expect(await read(0, 3)).toEqual(large.slice(0, 3));
    busy = 5;
    await expect(read(0, 3, { cache: false })).rejects.toThrow(/status 503/);
  });

  it('is missing where the server says so', async () => {
    expect(await readText(await openPretrained(FOLDER), 'absent.json')).toBeUndefined();
    server.files.delete('config.json');
    await expect(loadPretrained(FOLDER)).rejects.toThrow(`${FOLDER}/config.json is missing.`);
  });

  it('ends with the signal', async () => {
    const controller = new AbortController();
    const onProgress = ({ loaded }: DownloadProgress) => loaded === PIECE_BYTES && controller.abort(new Error('enough'));
    await expect(read(0, SIZE, { signal: controller.signal, onProgress })).rejects.toThrow('enough');
    expect(server.seen).toEqual([first]);
  });
});

describe('an answer that is not the file', () => {
  it('is told from it: a page', async () => {
    server.fault = () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html; charset=utf-8' } });
    await expect(openPretrained(FOLDER).then((files) => readText(files, 'config.json'))).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: https://models.example/tiny/config.json: the server gives a page in place of the file.
        expected  the file, or status 404 where there is none
        got       text/html
        fix       check the address; a server that answers every path with its index page must not do so for a model]
    `);
  });

  it.each([true, false])('is told from it: a part (ranges: %s)', async (givesRanges) => {
    server.givesRanges = givesRanges;
    const headers = { etag: '"1"', 'content-range': `bytes 0-${PIECE_BYTES - 1}/${SIZE}`, 'content-length': `${SIZE}` };
    server.fault = () => new Response(large.slice(0, 1000), { status: givesRanges ? 206 : 200, headers });
    await expect(read()).rejects.toThrow(/cut off[\s\S]*1000 bytes/);
    server.fault = undefined;
    expect(Buffer.from(await read()).equals(large)).toBe(true);
  });

  it('is told from it: a piece of another version', async () => {
    server.fault = (_, from) => {
      if (from > 0) server.etag = '"2"';
      return undefined;
    };
    await expect(read()).rejects.toThrow(/another one than when it was opened/);
  });

  it('is told from it: a refusal', async () => {
    server.fault = () => new Response('', { status: 403 });
    await expect(read()).rejects.toThrowErrorMatchingInlineSnapshot(`
      [SsmError: https://models.example/tiny/large.bin: the server refuses or fails.
        expected  the file
        got       status 403
        fix       check the address; if it is not public, pass a \`token\` that may read it]
    `);
  });
});

describe('a source', () => {
  const where = async (source: string | URL, options = {}) => (await openPretrained(source, options)).where;

  it('is a URL, also seen from the page, a Hub id, files at hand, and nothing else', async () => {
    expect(await where('https://example.org/models/x/?a=b')).toBe('https://example.org/models/x/');
    expect(await where('./x')).toBe('https://models.example/page/x');
    expect(await where('/x')).toBe('https://models.example/x');
    expect(await where('a/b/c')).toBe('https://models.example/page/a/b/c');
    expect(await where('a/b')).toBe('a/b');
    const files = fileSetOf([]);
    expect(await openPretrained(files)).toBe(files);
    expect((await openPretrained([new File([''], 'config.json')])).where).toBe('the chosen files');
    await expect(where('ftp://example.org/')).rejects.toThrow(expect.objectContaining({ code: 'OPTION' }));
  });

  it('on the Hub is asked with its revision, and the token goes there alone', async () => {
    const urls: string[] = [];
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
      urls.push(url);
      return server.fetch(url, init);
    });
    const options = { endpoint: 'https://hub.example/', revision: 'refs/pr/1', token: 'secret' };
    for (const source of ['a/b', 'https://hub.example/a/b/tree/v1', FOLDER])
      await readText(await openPretrained(source, options), 'config.json');
    expect(urls).toEqual([
      'https://hub.example/api/models/a/b/revision/refs%2Fpr%2F1',
      'https://hub.example/a/b/resolve/refs%2Fpr%2F1/config.json',
      'https://hub.example/api/models/a/b/revision/v1',
      'https://hub.example/a/b/resolve/v1/config.json',
      `${FOLDER}/files.json`,
      `${FOLDER}/config.json`,
    ]);
    expect(server.authorizations).toEqual([...Array.from({ length: 4 }, () => 'Bearer secret'), null, null]);
  });

  it('on the Hub is asked for its list once, and then for no file that it lacks', async () => {
    const siblings = [{ rfilename: 'config.json' }, { rfilename: 'additional_chat_templates/rag.jinja' }];
    server.files.set('main', new TextEncoder().encode(JSON.stringify({ siblings })));
    const files = await openPretrained('a/b');
    for (const name of ['generation_config.json', 'config.json', 'tokenizer.json']) await files.open(name);
    expect(server.seen).toEqual([`main 0-${PIECE_BYTES - 1}`, `config.json 0-${PIECE_BYTES - 1}`]);
    expect(await files.list?.('additional_chat_templates')).toEqual(['rag.jinja']);
  });

  it.each(['{}', 'null', '{', '{"siblings":[null,{"rfilename":1}]}'])(
    'with a list that is none (%s) opens or is missing, and harms nothing',
    async (text) => {
      server.files.set('main', new TextEncoder().encode(text));
      const file = await (await openPretrained('a/b')).open('config.json');
      expect(file?.size).toBe(text.startsWith('{"siblings') ? undefined : 21);
    },
  );

  it('at a URL is asked for its list once, and then for no file that it lacks', async () => {
    server.files.set('files.json', new TextEncoder().encode('["config.json","additional_chat_templates/rag.jinja"]'));
    const files = await openPretrained(FOLDER);
    for (const name of ['generation_config.json', 'config.json', 'tokenizer.json']) await files.open(name);
    expect(server.seen).toEqual([`files.json 0-${PIECE_BYTES - 1}`, `config.json 0-${PIECE_BYTES - 1}`]);
    expect(await files.list?.('additional_chat_templates')).toEqual(['rag.jinja']);
  });

  it.each(['{}', '[1]', 'none'])('at a URL with a list that is none (%s) opens', async (text) => {
    server.files.set('files.json', new TextEncoder().encode(text));
    expect((await (await openPretrained(FOLDER)).open('config.json'))?.size).toBe(21);
  });

  it('at a URL is asked for the files that are named', async () => {
    const files = await openPretrained(FOLDER, { files: ['config.json'] });
    expect(await files.open('generation_config.json')).toBeUndefined();
    expect(server.seen).toEqual([]);
    expect((await files.open('config.json'))?.size).toBe(21);
    expect(await (await openPretrained(FOLDER)).list?.('additional_chat_templates')).toBeUndefined();
  });

  it('of files at hand tells how much of them was read', async () => {
    const steps: DownloadProgress[] = [];
    const files = await openPretrained([new File(['{}'], 'config.json')], { onProgress: (step) => steps.push(step) });
    await readText(files, 'config.json');
    await files.open('absent.json');
    expect(steps).toEqual([{ file: 'config.json', loaded: 2, total: 2 }]);
  });
});

describe('loadPretrained', () => {
  it('loads a model over HTTP', async () => {
    const params = initParams(spec(), 1);
    for (const { name, pieces } of pretrainedFiles({ model: tiny, config: {}, params })) {
      const parts: Uint8Array[] = [];
      for await (const part of pieces) parts.push(part.slice());
      server.files.set(name, new Uint8Array(Buffer.concat(parts)));
    }
    const loaded = await loadPretrained(new URL(FOLDER), { models: [tiny] });
    expect(await (loaded.params as typeof params).head.data()).toEqual(await params.head.data());
    disposeTree([params, loaded.params as typeof params]);
  });
});
