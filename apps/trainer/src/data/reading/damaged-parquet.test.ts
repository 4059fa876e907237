import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { damagedParquet } from '../../test-support/damage';
import { dataFile } from '../finding/local';
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
    await fc.assert(
      fc.asyncProperty(damagedParquet(whole), async (bytes) => {
        const error = await textsOf(bytes).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) return;
        expect(error).toMatchObject({ name: 'SsmError', code: 'FILE', message: expect.stringContaining('rows.parquet') });
        refused.push(String(error));
      }),
      { numRuns: 150, seed: 11 },
    );
    expect(refused.length).toBeGreaterThan(20);
  });

  it('is refused before a page of billions of values is made room for', async () => {
    const whole = await readFile(join(FIXTURES, 'rows-snappy.parquet'));
    const schemaWithoutChildren = Buffer.from(whole);
    const at = schemaWithoutChildren.lastIndexOf('schema') + 'schema'.length;
    schemaWithoutChildren[at + 1] = 0x22; // two children, where there is one
    await expect(textsOf(schemaWithoutChildren)).rejects.toMatchObject({ name: 'SsmError', code: 'FILE' });
  });
});
