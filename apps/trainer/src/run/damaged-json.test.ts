import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completeSettings } from '../settings/resolve';
import { damagedJson } from '../test-support/damage';
import { run } from '../test-support/fake-io';
import { openCheckpoint, writeCheckpoint } from './checkpoint';
import { openRun } from './open-run';
import { notesOf, type TrainingNotes } from './restore';
import { type RunInfo, readRunInfo } from './run-info';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-damaged-'));
});
afterEach(() => rm(folder, { recursive: true }));

const RUN: Omit<RunInfo, 'data'> = {
  ...{ format: 'densessm-run-1', name: 'a', state: 'finished', command: ['train'], created: '2026-01-02', updated: '2026-01-03' },
  ...{ process: { host: 'elsewhere', pid: 1 }, versions: { node: '20' }, backend: 'wasm', settings: completeSettings({}) },
  ...{ config: { model_type: 'mamba' }, parameters: 10, step: 60, loss: 1.5, best: { step: 60, loss: 1.5 }, seconds: 2 },
};

const NOTES: TrainingNotes = {
  counters: { steps: 60, skipped: 0, skippedInARow: 0, tokens: 9, optimizer: { name: 'adamw', steps: { 'a.weight': 60 } }, carried: [] },
  course: { observedAt: 60, best: { step: 60, loss: 1.5 } },
  seconds: 2,
};

const settled = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (reason: unknown) => reason,
  );

describe('a damaged run.json', () => {
  it('is one error that names file and field, for every command', async () => {
    const write = (json: unknown) => writeFile(join(folder, 'run.json'), JSON.stringify(json));
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(damagedJson(RUN), async (json) => {
        await write(json);
        const error = await settled(readRunInfo(folder));
        const opened = await settled(openRun({ outDir: folder, initFrom: 'resume' }, { cwd: folder }));
        expect(opened).toMatchObject({ name: 'SsmError' });
        expect(await run(['runs', folder])).toMatchObject({ code: 0 });
        if (error === undefined) return;
        expect(error).toMatchObject({ name: 'SsmError', code: 'FILE', message: expect.stringContaining('run.json') });
        refused++;
      }),
      { numRuns: 150, seed: 3 },
    );
    expect(refused).toBeGreaterThan(50);
    await write({ ...RUN, settings: { ...RUN.settings, model: 'x' } });
    await expect(readRunInfo(folder)).rejects.toThrow('`settings.model` cannot be used');
  });
});

describe('a damaged trainer.json', () => {
  it('is one error that names file and field', async () => {
    const checkpoint = join(folder, 'checkpoint');
    await writeCheckpoint(checkpoint, [{ name: 'a', pieces: [new Uint8Array(3)] }], { ...NOTES });
    const whole = { format: 'densessm-checkpoint-1', ...NOTES, files: { a: { bytes: 3, sha256: 'x' } } };
    const read = async () => {
      const opened = await openCheckpoint(checkpoint);
      if (opened === undefined) throw new Error('there is none');
      await settled(opened.verify()).then((error) => error && expect(error).toMatchObject({ name: 'SsmError' }));
      return notesOf(opened);
    };
    await mkdir(checkpoint, { recursive: true });
    await fc.assert(
      fc.asyncProperty(damagedJson(whole), async (json) => {
        await writeFile(join(checkpoint, 'trainer.json'), JSON.stringify(json));
        const error = await settled(read());
        if (error !== undefined)
          expect(error).toMatchObject({ name: 'SsmError', code: 'FILE', message: expect.stringContaining('trainer.json') });
      }),
      { numRuns: 150, seed: 4 },
    );
    const bad = { ...whole, course: { ...NOTES.course, best: { step: 1, loss: 'low' } } };
    await writeFile(join(checkpoint, 'trainer.json'), JSON.stringify(bad));
    await expect(read()).rejects.toThrow('`course.best.loss` cannot be used');
  });
});
