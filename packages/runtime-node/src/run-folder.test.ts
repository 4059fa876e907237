import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { modelFolder } from './run-folder';

let run = '';
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'densessm-run-'));
});
afterEach(() => rm(run, { recursive: true }));

async function writeModel(name: string): Promise<void> {
  await mkdir(join(run, name));
  for (const file of ['config.json', 'trainer.json']) await writeFile(join(run, name, file), '{}');
}

it('takes the best model of a run, also one that was being replaced, before the last', async () => {
  expect(await modelFolder(run)).toBe(run);
  for (const name of ['checkpoint.old', 'checkpoint', 'best.old', 'best']) {
    await writeModel(name);
    expect(await modelFolder(run)).toBe(join(run, name));
  }
});

it('finds a named checkpoint that a run which was killed while saving had set aside', async () => {
  await writeModel('best');
  expect(await modelFolder(join(run, 'best'))).toBe(join(run, 'best'));
  await rename(join(run, 'best'), join(run, 'best.old'));
  expect(await modelFolder(join(run, 'best'))).toBe(join(run, 'best.old'));
  expect(await modelFolder(join(run, 'none'))).toBe(join(run, 'none'));
});
