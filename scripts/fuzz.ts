/** Damages files for as long as asked and reads them: npm run fuzz -- [rounds] [seed]. The suite does the same with few rounds. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { dataFile } from '../apps/trainer/src/data/finding/local';
import { noCounts, readPieces } from '../apps/trainer/src/data/reading/read';
import { damagedParquet } from '../apps/trainer/src/test-support/damage';

const [rounds = '5000', seed = '1'] = process.argv.slice(2);
/** Reading a small file takes a millisecond. */
const MOST_MS = 2000;
const fixtures = join(import.meta.dirname, '../apps/trainer/fixtures/parquet');
const folder = await mkdtemp(join(tmpdir(), 'fuzz-'));

async function read(bytes: Uint8Array): Promise<void> {
  const path = join(folder, 'rows.parquet');
  await writeFile(path, bytes);
  const started = performance.now();
  try {
    const options = { field: 'text', skipBadLines: true, onProgress: () => undefined };
    for await (const _ of readPieces([await dataFile(path, 'rows.parquet')], noCounts(), options));
  } catch (error) {
    if (!(error instanceof Error && error.name === 'SsmError')) throw error;
  }
  const took = performance.now() - started;
  if (took > MOST_MS) throw new Error(`reading took ${Math.round(took)} ms`);
}

try {
  for (const name of ['rows-snappy.parquet', 'rows-zstd.parquet', 'null.parquet']) {
    const whole = await readFile(join(fixtures, name));
    await fc.assert(fc.asyncProperty(damagedParquet(whole), read), { numRuns: Number(rounds), seed: Number(seed) });
    console.log(`${name}: ${rounds} damaged copies were read or refused with an error of ours`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
