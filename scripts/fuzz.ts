/**
 * Damages what comes from outside for as long as asked: npm run fuzz -- [target] [rounds] [seed]. Everything must be read, or refused with an error
 * of ours, within two seconds; requests to the server answered. tests/fuzz.test.ts does the same with few rounds.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fuzzServer } from './lib/fuzz/server';
import { fuzzTarget } from './lib/fuzz/target';
import { TARGETS } from './lib/fuzz/targets';

const SERVER = 'server';
const [chosen = 'all', rounds = '5000', seed = '1'] = process.argv.slice(2);
const names = chosen === 'all' ? [...Object.keys(TARGETS), SERVER] : [chosen];

for (const name of names) {
  if (name === SERVER) {
    console.log(`server: ${rounds} odd requests were answered: ${await fuzzServer(Number(rounds), Number(seed))}`);
    continue;
  }
  const target = TARGETS[name];
  if (target === undefined) throw new Error(`there is no target ${name}: all, ${[...Object.keys(TARGETS), SERVER].join(', ')}`);
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-'));
  try {
    const done = await fuzzTarget(target, folder, Number(rounds), Number(seed));
    for (const what of done) console.log(`${name}: ${rounds} damaged copies of ${what} were read or refused with an error of ours`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
