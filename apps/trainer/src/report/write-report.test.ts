import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { recordLine } from '@densessm/train';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { realFiles } from '../run-folder/files';
import { readAssets } from './assets';
import { evaluation, info, steps } from './test-support';
import { writeReport } from './write-report';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-report-'));
  for (const name of ['dense', 'plain']) {
    await mkdir(join(folder, name));
    const lines = [...steps(3), evaluation(3, name === 'dense' ? 1.125 : 1.375)].map(recordLine).join('');
    await writeFile(join(folder, name, 'log.jsonl'), `${lines}{"type":"step","st`); // the last line was cut short
  }
  await writeFile(join(folder, 'dense', 'run.json'), JSON.stringify(info({ name: 'The dense one' })));
});
afterEach(() => rm(folder, { recursive: true }));

it('tells of the runs in some folders, one of them without a run.json', async () => {
  const path = join(folder, 'report.html');
  await writeFile(path, 'old');
  await writeReport([join(folder, 'dense'), join(folder, 'plain')], path);
  const text = await readFile(path, 'utf8');
  for (const words of ['The dense one', 'plain', '1.125', '1.375']) expect(text).toContain(words);
  expect((await readdir(folder)).sort()).toEqual(['dense', 'plain', 'report.html']);
});

it('leaves the old report where the disk is full', async () => {
  const path = join(folder, 'report.html');
  await writeFile(path, 'old');
  const rename = async () => {
    throw Object.assign(new Error('rename'), { code: 'ENOSPC' });
  };
  await expect(writeReport([join(folder, 'plain')], path, { ...realFiles, rename })).rejects.toMatchObject({
    code: 'FILE',
    got: 'a full disk',
  });
  expect(await readFile(path, 'utf8')).toBe('old');
  expect((await readdir(folder)).sort()).toEqual(['dense', 'plain', 'report.html']);
});

it('puts the modules of its script together into one that imports nothing', async () => {
  const { script } = await readAssets();
  expect(() => new Script(script)).not.toThrow(); // a name that is there twice, an import or an export would
  for (const name of ['readable', 'drawAll', 'refresh']) expect(script).toMatch(new RegExp(`^(const|function) ${name}\\b`, 'm'));
});
