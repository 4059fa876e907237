import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@densessm/generate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { damagedBytes } from '../../test-support/damage';
import { dataFile } from '../finding/local';
import { checkRuns } from './parquet-runs';
import { noCounts, readPieces } from './read';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/parquet');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'damaged-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function textsOf(bytes: Uint8Array): Promise<string[]> {
  const path = join(folder, 'rows.parquet');
  await writeFile(path, bytes);
  const texts: string[] = [];
  const options = { field: 'text', skipBadLines: false, onProgress: () => undefined };
  for await (const { text } of readPieces([await dataFile(path, 'rows.parquet')], noCounts(), options)) texts.push(text);
  return texts;
}

describe('a damaged Parquet file', () => {
  it.each(['rows-snappy.parquet', 'rows-zstd.parquet', 'null.parquet'])('of %s is one error that names it, or is read', async (name) => {
    const whole = await readFile(join(FIXTURES, name));
    const refused: string[] = [];
    const random = seededRandom(11);
    const next = () => random.next();
    for (let round = 0; round < 150; round++) {
      const error = await textsOf(damagedBytes(whole, next)).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) continue;
      expect(error, `round ${round}`).toMatchObject({ name: 'SsmError', code: 'FILE', message: expect.stringContaining('rows.parquet') });
      refused.push(String(error));
    }
    expect(refused.length).toBeGreaterThan(20);
  });

  it('whose schema names more columns than it has is one error', async () => {
    const whole = await readFile(join(FIXTURES, 'rows-snappy.parquet'));
    const schemaWithoutChildren = Buffer.from(whole);
    const at = schemaWithoutChildren.lastIndexOf('schema') + 'schema'.length;
    schemaWithoutChildren[at + 1] = 0x22; // two children, where there is one
    await expect(textsOf(schemaWithoutChildren)).rejects.toMatchObject({ name: 'SsmError', code: 'FILE' });
  });

  it.each([
    ['levels', (page: Uint8Array) => page.set([0xfe, 0xff, 0xff, 0xff, 0x0f], 4), 1],
    ['indexes of a dictionary', (page: Uint8Array) => page.set([0xfe, 0xff, 0xff, 0xff, 0x0f], 1), 0],
    ['packed bits', (page: Uint8Array) => page.set([0xff, 0xff, 0xff, 0xff, 0x0f], 1), 0],
  ])('whose runs of %s stand for millions of values is refused before they are written out', (_, write, definition) => {
    const page = new Uint8Array(64);
    new DataView(page.buffer).setUint32(0, definition === 1 ? 20 : 1, true);
    write(page);
    const header = {
      ...{ type: 'DATA_PAGE' as const, uncompressed_page_size: 64, compressed_page_size: 64 },
      data_page_header: { num_values: 9, encoding: 'RLE_DICTIONARY', definition_level_encoding: 'RLE', repetition_level_encoding: 'RLE' },
    } as const;
    expect(() => checkRuns(page, header, { repetition: 0, definition }, 'UNCOMPRESSED')).toThrow(/a run of \d{9,} values in a page of 9/);
  });

  it('with a field within fields is read by its path, rows without it counted', async () => {
    const file = await dataFile(join(FIXTURES, 'nested.parquet'), 'nested.parquet');
    const read = async (field: string, skipBadLines: boolean) => {
      const counts = noCounts();
      const texts: string[] = [];
      for await (const { text } of readPieces([file], counts, { field, skipBadLines, onProgress: () => undefined })) texts.push(text);
      return { texts, skipped: counts.skippedLines };
    };
    const repeated = 'The fourth, of the kind that repeats.';
    expect(await read('meta.body.text', true)).toEqual({ texts: ['The first text.', 'Der zweite Text.', repeated, repeated], skipped: 1 });
    expect(await read('meta.lang', false)).toEqual({ texts: ['de', 'en', 'de', 'en', 'de'], skipped: 0 });
    await expect(read('meta.body.text', false)).rejects.toThrow('nested.parquet, row 2: the field "meta.body.text" holds no text.');
    await expect(read('text', false)).rejects.toMatchObject({ fix: expect.stringMatching(/--field meta\.(lang|body\.text)/) });
  });
});
