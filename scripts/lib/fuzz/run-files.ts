import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { notesOf } from '../../../apps/trainer/src/run/restore';
import { openCheckpoint, writeCheckpoint } from '../../../apps/trainer/src/run-folder/checkpoint';
import { readRunInfo } from '../../../apps/trainer/src/run-folder/run-info';
import { damagedBytes, damagedJson, type Random } from '../../../apps/trainer/src/test-support/damage';
import { CHECKPOINT_JSON, NOTES, RUN } from '../../../apps/trainer/src/test-support/run-files';
import { type Attempt, readOrRefused, type Target } from './target';

/** A part of the content of another kind, or other bytes. */
function damaged(content: unknown, random: Random): string | Uint8Array {
  if (random() < 0.5) return JSON.stringify(damagedJson(content, random)) ?? '';
  return damagedBytes(new TextEncoder().encode(JSON.stringify(content)), random);
}

/** run.json, which every command reads. */
export const runJson: Target = {
  attempts: async (folder) => {
    const attempt: Attempt = async (random) => {
      await writeFile(join(folder, 'run.json'), damaged(RUN, random));
      await readOrRefused(() => readRunInfo(folder));
    };
    return { 'run.json': attempt };
  },
};

/** trainer.json, from which training resumes. */
export const trainerJson: Target = {
  attempts: async (folder) => {
    const checkpoint = join(folder, 'checkpoint');
    await writeCheckpoint(checkpoint, [{ name: 'a', pieces: [new Uint8Array(3)] }], { ...NOTES });
    const attempt: Attempt = async (random) => {
      await writeFile(join(checkpoint, 'trainer.json'), damaged(CHECKPOINT_JSON, random));
      await readOrRefused(async () => {
        const opened = await openCheckpoint(checkpoint);
        if (opened === undefined) return;
        await readOrRefused(() => opened.verify());
        notesOf(opened);
      });
    };
    return { 'trainer.json': attempt };
  },
};
