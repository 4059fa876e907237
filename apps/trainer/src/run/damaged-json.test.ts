import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@densessm/generate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoint, writeCheckpoint } from '../run-folder/checkpoint';
import { readRunInfo } from '../run-folder/run-info';
import { damagedJson } from '../test-support/damage';
import { run } from '../test-support/fake-io';
import { CHECKPOINT_JSON, NOTES, RUN } from '../test-support/run-files';
import { openRun } from './open-run';
import { notesOf } from './restore';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-damaged-'));
});
afterEach(() => rm(folder, { recursive: true }));

const settled = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (reason: unknown) => reason,
  );

describe('a damaged run.json', () => {
  it('is one error that names file and field, for every command', async () => {
    const write = (json: unknown) => writeFile(join(folder, 'run.json'), JSON.stringify(json));
    let refused = 0;
    const random = seededRandom(3);
    for (let round = 0; round < 150; round++) {
      await write(damagedJson(RUN, () => random.next()));
      const error = await settled(readRunInfo(folder));
      const opened = await settled(openRun({ outDir: folder, initFrom: 'resume' }, { cwd: folder }));
      expect(opened, `round ${round}`).toMatchObject({ name: 'SsmError' });
      expect(await run(['runs', folder]), `round ${round}`).toMatchObject({ code: 0 });
      if (error === undefined) continue;
      expect(error, `round ${round}`).toMatchObject({ name: 'SsmError', code: 'FILE', message: expect.stringContaining('run.json') });
      refused++;
    }
    expect(refused).toBeGreaterThan(50);
    await write({ ...RUN, settings: { ...RUN.settings, model: './x' } });
    await expect(readRunInfo(folder)).rejects.toThrow('`settings.model` cannot be used');
  });
});

describe('a damaged trainer.json', () => {
  it('is one error that names file and field', async () => {
    const checkpoint = join(folder, 'checkpoint');
    await writeCheckpoint(checkpoint, [{ name: 'a', pieces: [new Uint8Array(3)] }], { ...NOTES });
    const read = async () => {
      const opened = await openCheckpoint(checkpoint);
      if (opened === undefined) throw new Error('there is none');
      await settled(opened.verify()).then((error) => error && expect(error).toMatchObject({ name: 'SsmError' }));
      return notesOf(opened);
    };
    await mkdir(checkpoint, { recursive: true });
    const random = seededRandom(4);
    let refused = 0;
    for (let round = 0; round < 150; round++) {
      await writeFile(join(checkpoint, 'trainer.json'), JSON.stringify(damagedJson(CHECKPOINT_JSON, () => random.next())));
      const error = await settled(read());
      if (error === undefined) continue;
      expect(error, `round ${round}`).toMatchObject({ name: 'SsmError', code: 'FILE', message: expect.stringContaining('trainer.json') });
      refused++;
    }
    expect(refused).toBeGreaterThan(50);
    const bad = { ...CHECKPOINT_JSON, course: { ...NOTES.course, best: { step: 1, loss: 'low' } } };
    await writeFile(join(checkpoint, 'trainer.json'), JSON.stringify(bad));
    await expect(read()).rejects.toThrow('`course.best.loss` cannot be used');
  });
});
