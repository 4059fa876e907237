/**
 * node scripts/run.mjs bench/gpu/keep.ts FOLDER...: takes gpu.json and torch.json, which bench/gpu and bench/peers/torch_gpu.py left in a folder, into docs/measured, in
 * the place of figures of the same name, type and sizes. Then `npm run program -- docs/scripts/write-tables.ts` makes the tables.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { keepMeasured, readMeasured } from '../lib/measured';

const folders = process.argv.slice(2);
const found = folders
  .flatMap((folder) => ['gpu.json', 'torch.json'].map((name) => [join(folder, name), name] as const))
  .filter(([file]) => existsSync(file));
if (found.length === 0) throw new Error(`no gpu.json or torch.json in ${folders.join(', ') || 'a folder: name one'}`);
for (const [file, name] of found) {
  const measured = readMeasured(file);
  if (measured.runs.some(({ isTrial }) => isTrial)) throw new Error(`${file} is of a trial with smaller sizes: it is not kept`);
  keepMeasured(new URL(`../../docs/measured/${name}`, import.meta.url), measured);
  console.log(`${measured.figures.length} figures of ${file}`);
}
