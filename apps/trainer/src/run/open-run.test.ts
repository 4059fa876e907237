import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '@densessm/train';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileSystem, realFiles } from './files';
import { LogFile, readLog } from './log-file';
import { openRun } from './open-run';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'densessm-run-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const failing = (code: string) => async () => {
  throw Object.assign(new Error(`${code}: it cannot be`), { code });
};

describe('the folder of a run', () => {
  it.each([
    [{}, 'stories-dense-mamba'],
    [{ data: ['texts/My book.txt.gz', 'b.txt'], model: 'retnet' as const }, 'My-book-retnet'],
    [{ data: ['-'] }, 'run-dense-mamba'],
    [{ name: 'first' }, 'first'],
  ])('of %j is out/%s', async (given, name) => {
    expect(await openRun(given, { cwd })).toMatchObject({ folder: join(cwd, 'out', name), name });
  });

  it.each([
    ['EROFS', 'a file system that can only be read'],
    ['EACCES', 'no permission to write there'],
    ['ENOSPC', 'a full disk'],
  ])('is refused before any work where writing meets %s', async (code, got) => {
    const fs: FileSystem = { ...realFiles, open: failing(code) };
    await expect(openRun({ name: 'x' }, { cwd }, fs)).rejects.toMatchObject({ code: 'FILE', got, fix: expect.any(String) });
    expect(await readdir(cwd)).toEqual([]);
  });
});

describe('a run that ended before its first step', () => {
  it('is replaced without asking, and one with a step is not', async () => {
    const folder = join(cwd, 'out', 'x');
    await realFiles.mkdir(folder, { recursive: true });
    const account = { format: 'densessm-run-1', name: 'x', state: 'interrupted', step: 0, settings: {}, process: { host: 'h', pid: 1 } };
    await writeFile(join(folder, 'run.json'), JSON.stringify(account));
    expect(await openRun({ name: 'x' }, { cwd })).toMatchObject({ replaces: true });
    const step = { type: 'step', step: 0, loss: 1, learningRate: 1, gradNorm: 1, tokens: 1, skipped: false, seconds: 1, wallTime: 1 };
    await writeFile(join(folder, 'log.jsonl'), `${JSON.stringify(step)}\n`);
    await expect(openRun({ name: 'x' }, { cwd })).rejects.toThrow('holds a run already');
  });
});

describe('the log of a run', () => {
  const record = (step: number): RunRecord => ({ type: 'evaluation', step, loss: 1, tokens: 1, wallTime: 0 });

  it('goes on behind what is kept, and is read up to the last whole line', async () => {
    const log = await LogFile.open(cwd, [record(1)]);
    await log.write(record(2));
    await log.close();
    await realFiles.open(join(cwd, 'log.jsonl'), 'a').then(async (file) => {
      await file.appendFile('{"type":"evaluation","step":3,"lo');
      await file.close();
    });
    expect(await readLog(cwd)).toEqual([record(1), record(2)]);
  });

  it('says that the disk is full and keeps what was written', async () => {
    let left = 2;
    const open: FileSystem['open'] = async (...args) => {
      const file = await realFiles.open(...args);
      const append = file.appendFile.bind(file);
      file.appendFile = async (...content) => (left-- > 0 ? append(...content) : failing('ENOSPC')());
      return file;
    };
    const log = await LogFile.open(cwd, [record(1)], { ...realFiles, open });
    await log.write(record(2));
    await expect(log.write(record(3))).rejects.toMatchObject({ got: 'a full disk', fix: expect.stringContaining('--init-from resume') });
    await log.close();
    expect(await readLog(cwd)).toEqual([record(1), record(2)]);
    expect(await readdir(cwd)).toEqual(['log.jsonl']);
  });
});
