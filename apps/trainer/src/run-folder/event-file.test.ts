import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunRecord, recordEvent } from '@densessm/train';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EventFile } from './event-file';
import { realFiles } from './files';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-events-'));
});
afterEach(() => rm(folder, { recursive: true }));

const evaluation = (step: number): RunRecord => ({ type: 'evaluation', step, loss: 2 + step, tokens: 9, wallTime: step });
const files = async (): Promise<Buffer[]> => Promise.all((await readdir(folder)).sort().map((name) => readFile(join(folder, name))));

it('holds every record as soon as it was written', async () => {
  const file = await EventFile.open(folder, { step: 0, config: { layers: 2 } });
  await file.write(evaluation(0));
  await file.write(evaluation(1));
  const [content] = await files();
  expect(content?.toString('latin1')).toMatch(/brain\.Event:2.*\| layers \| 2 \|/s);
  expect(content?.subarray(-recordEvent(evaluation(1)).length)).toEqual(Buffer.from(recordEvent(evaluation(1))));
  await file.close();
});

it('goes on in a second file, which repeats what was measured at the step that it continues from', async () => {
  const config = {};
  await (await EventFile.open(folder, { step: 0, config })).close();
  const kept = [evaluation(0), evaluation(4)];
  await (await EventFile.open(folder, { step: 4, config, kept })).close();
  const [first, second] = await files();
  const bytes = (step: number): Buffer => Buffer.from(recordEvent(evaluation(step)));
  expect(first?.includes(bytes(4))).toBe(false);
  expect(second?.includes(bytes(4))).toBe(true);
  expect(second?.includes(bytes(0))).toBe(false);
});

it('says so where the disk is full', async () => {
  const open: typeof realFiles.open = async (...args) => {
    const file = await realFiles.open(...args);
    file.appendFile = async () => {
      await file.close();
      throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    };
    return file;
  };
  await expect(EventFile.open(folder, { step: 0, config: {} }, { ...realFiles, open })).rejects.toMatchObject({
    code: 'FILE',
    got: 'a full disk',
  });
});
