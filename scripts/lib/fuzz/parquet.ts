import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFile } from '../../../apps/trainer/src/data/finding/local';
import { noCounts, readPieces } from '../../../apps/trainer/src/data/reading/read';
import { damagedBytes } from '../../../apps/trainer/src/test-support/damage';
import { root } from '../command.mjs';
import { type Attempt, readOrRefused, type Target } from './target';

const FIXTURES = join(root, 'apps/trainer/fixtures/parquet');
const NAMES = ['rows-snappy.parquet', 'rows-zstd.parquet', 'null.parquet'];

async function read(path: string): Promise<void> {
  const options = { field: 'text', skipBadLines: true, onProgress: () => undefined };
  for await (const _ of readPieces([await dataFile(path, 'rows.parquet')], noCounts(), options));
}

/** Small Parquet files with damaged bytes. */
export const parquet: Target = {
  attempts: async (folder) => {
    const path = join(folder, 'rows.parquet');
    const attempts: [string, Attempt][] = [];
    for (const name of NAMES) {
      const whole = await readFile(join(FIXTURES, name));
      attempts.push([
        name,
        async (random) => {
          await writeFile(path, damagedBytes(whole, random));
          await readOrRefused(() => read(path));
        },
      ]);
    }
    return Object.fromEntries(attempts);
  },
};
