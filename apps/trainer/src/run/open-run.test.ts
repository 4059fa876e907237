import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunRecord } from '@densessm/train';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../run-folder/checkpoint';
import { type FileSystem, realFiles } from '../run-folder/files';
import { LogFile, readLog } from '../run-folder/log-file';
import { nameOf, openRun } from './open-run';

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
    const run = await openRun(given, { cwd });
    expect(run).toMatchObject({ folder: join(cwd, 'out', name), name });
    await run.lock.release();
    expect(await readdir(cwd)).toEqual([]);
  });

  it.each([
    ['EROFS', 'a file system that can only be read'],
    ['EACCES', 'no permission to write there'],
    ['ENOSPC', 'a full disk'],
  ])('is refused before any work where writing meets %s', async (code, got) => {
    const fs: FileSystem = { ...realFiles, open: failing(code) };
    await expect(openRun({ name: 'x' }, { cwd }, {}, fs)).rejects.toMatchObject({ code: 'FILE', got, fix: expect.any(String) });
    expect(await readdir(cwd)).toEqual([]);
  });
});

describe('the name of a run', () => {
  it.each([
    [{ data: ['texts/book.txt.gz'] }, 'book-dense-mamba'],
    [{ data: ['book.txt'], model: 'retnet' }, 'book-retnet'],
    [{ data: ['book.txt'], initFrom: 'state-spaces/mamba-130m-hf' }, 'book-mamba-130m-hf'],
    [{ data: ['book.txt'], initFrom: 'out/letters/best' }, 'book-letters'],
    [{ data: ['book.txt'], initFrom: 'state-spaces/mamba-130m-hf', model: 'dense-mamba' }, 'book-dense-mamba'],
    [{ data: ['book.txt'], initFrom: 'resume' }, 'book-dense-mamba'],
    [{}, 'stories-dense-mamba'],
  ])('of %j is %s', (given, name) => {
    expect(nameOf(given, cwd)).toBe(name);
  });
});

describe('a run that ended before its first step', () => {
  it('is replaced without asking, and one with a step is not', async () => {
    const folder = join(cwd, 'out', 'x');
    await realFiles.mkdir(folder, { recursive: true });
    const account = { format: 'densessm-run-1', name: 'x', state: 'interrupted', step: 0, settings: {}, process: { host: 'h', pid: 1 } };
    await writeFile(join(folder, 'run.json'), JSON.stringify(account));
    const run = await openRun({ name: 'x' }, { cwd });
    expect(run).toMatchObject({ replaces: true });
    await run.lock.release();
    const step = { type: 'step', step: 0, loss: 1, learningRate: 1, gradNorm: 1, tokens: 1, skipped: false, seconds: 1, wallTime: 1 };
    await writeFile(join(folder, 'log.jsonl'), `${JSON.stringify(step)}\n`);
    await expect(openRun({ name: 'x' }, { cwd })).rejects.toThrow('holds a run that ended before its first checkpoint');
    await expect(openRun({ name: 'x', initFrom: 'resume' }, { cwd })).rejects.toThrow('with 1 steps in its log');
  });

  it('is told apart from one with a checkpoint, and neither message sends to the other', async () => {
    const folder = join(cwd, 'out', 'x');
    await realFiles.mkdir(join(folder, 'best'), { recursive: true });
    const account = { format: 'densessm-run-1', name: 'x', state: 'running', step: 0, settings: {}, process: { host: 'h', pid: 1 } };
    await writeFile(join(folder, 'run.json'), JSON.stringify(account));
    await writeFile(join(folder, 'best', 'trainer.json'), '{}');
    const fixOf = async (initFrom: string) => openRun({ name: 'x', initFrom }, { cwd }).catch(({ fix }) => fix);
    expect(await fixOf('scratch')).toMatch(/^add --overwrite to delete it.*--init-from .*best$/);
    expect(await fixOf('resume')).toMatch(/^start it again: --overwrite in place of --init-from resume, or .*--init-from .*best/);
  });

  it('has its checkpoint where only checkpoint.old is left', async () => {
    const folder = join(cwd, 'out', 'x');
    await writeCheckpoint(join(folder, 'checkpoint'), [], { step: 4 });
    await realFiles.rename(join(folder, 'checkpoint'), join(folder, 'checkpoint.old'));
    const account = { format: 'densessm-run-1', name: 'x', state: 'running', step: 4, settings: {}, process: { host: 'h', pid: 1 } };
    await writeFile(join(folder, 'run.json'), JSON.stringify(account));
    await expect(openRun({ name: 'x' }, { cwd })).rejects.toThrow('holds a run already');
    const run = await openRun({ name: 'x', initFrom: 'resume' }, { cwd });
    expect(run.resumed?.checkpoint.about).toEqual({ step: 4 });
    await run.lock.release();
  });
});

describe('a run that is requeued', () => {
  const account = { format: 'densessm-run-1', name: 'x', state: 'running', step: 4, process: { host: 'h', pid: 1 } };
  const open = (given: object, ranks = 1) => openRun({ name: 'x', ...given }, { cwd }, { requeue: true, ranks });

  it('begins, begins again where nothing was saved, and continues where something was', async () => {
    const folder = join(cwd, 'out', 'x');
    const first = await open({});
    expect([first.resumed, first.replaces]).toEqual([undefined, false]);
    await writeFile(join(folder, 'run.json'), JSON.stringify({ ...account, settings: {} }));
    await writeFile(join(folder, 'log.jsonl'), '{"type":"step","step":0}\n');
    await first.lock.release();
    const second = await open({});
    expect([second.resumed, second.replaces]).toEqual([undefined, true]);
    await writeCheckpoint(join(folder, 'checkpoint'), [], { step: 4 });
    await second.lock.release();
    const third = await open({});
    expect([third.resumed?.checkpoint.about, third.replaces]).toEqual([{ step: 4 }, false]);
    await third.lock.release();
  });

  it('keeps the texts of a step in another number of processes, also after the next one', async () => {
    const folder = join(cwd, 'out', 'x');
    const settings = { batchSize: 8, gradientAccumulationSteps: 1 };
    await writeCheckpoint(join(folder, 'checkpoint'), [], { step: 4 });
    await writeFile(join(folder, 'run.json'), JSON.stringify({ ...account, settings, ranks: 2 }));
    for (const [ranks, batchSize, gradientAccumulationSteps] of [
      [4, 4, 1],
      [1, 8, 2],
    ]) {
      const run = await open({ batchSize: 8 }, ranks); // the same command as at first
      expect(run.settings).toMatchObject({ batchSize, gradientAccumulationSteps });
      expect(run.began).toEqual({ ranks: 2, ...settings });
      await run.lock.release();
    }
    await expect(open({}, 3)).rejects.toThrow('So many processes cannot divide a step.');
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
    await expect(log.write(record(3))).rejects.toMatchObject({ got: 'a full disk', fix: expect.stringContaining('--overwrite') });
    await log.close();
    expect(await readLog(cwd)).toEqual([record(1), record(2)]);
    expect(await readdir(cwd)).toEqual(['log.jsonl']);
  });
});
