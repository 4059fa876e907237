/** Which runs a sweep has, and what is left of them to do. */
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { usageError } from '../../errors';
import { clearRun } from '../../run/open-run';
import { hasCheckpoint } from '../../run-folder/checkpoint';
import { lockRun } from '../../run-folder/lock';
import { CHECKPOINT } from '../../run-folder/names';
import { readRunInfo } from '../../run-folder/run-info';
import type { SweepRun } from '../../run-folder/sweep-file';
import { flagsOf } from '../../settings/flags';
import { kebab, SETTING_NAMES, type SomeSettings } from '../../settings/table';
import { textOf } from '../../settings/text';
import { essence, type GridPoint } from './grid';

/**
 * The runs of the combinations: those that the sweep has already, by what they are and not by their names, and new ones.
 * @throws SsmError OPTION where a new run would have the folder of another one
 */
export async function runsOf(folder: string, points: readonly GridPoint[], known: readonly SweepRun[]): Promise<SweepRun[]> {
  const runs: SweepRun[] = [];
  for (const point of points) {
    const own = known.find(({ settings }) => essence(settings) === essence(point.settings));
    if (own !== undefined) runs.push({ name: own.name, settings: point.settings });
    else runs.push(await newRun(folder, point, known));
  }
  return runs;
}

async function newRun(folder: string, { name, settings }: GridPoint, known: readonly SweepRun[]): Promise<SweepRun> {
  const other = known.find((one) => one.name === name);
  if (other === undefined && (await readRunInfo(join(folder, name))) === undefined) return { name, settings };
  const fix = 'choose another folder with --out-dir, or add --overwrite to delete the runs of the sweep';
  if (other === undefined) throw usageError(`${join(folder, name)} holds a run of its own.`, 'a new folder', 'a run', fix);
  const changed = SETTING_NAMES.find((one) => essence({ [one]: other.settings[one] }) !== essence({ [one]: settings[one] }));
  const [before, now] = [other.settings, settings].map((one) =>
    changed && one[changed] !== undefined ? textOf(one[changed]) : 'the default',
  );
  throw usageError(`--${kebab(changed ?? '')} cannot change while a sweep goes on.`, `${before}, as it began`, String(now), fix);
}

/** A run that is not done, and the flags of `densessm train` that begin or resume it. */
export interface OpenTask {
  readonly run: SweepRun;
  readonly argv: readonly string[];
  readonly resumes: boolean;
}

/** What a run that is resumed needs to know its model. */
const pluginsOf = ({ settings: { plugin } }: SweepRun): SomeSettings => (plugin === undefined ? {} : { plugin });

/** What is left to do of a run; undefined where it is finished. */
export async function taskOf(folder: string, run: SweepRun, pace: SomeSettings): Promise<OpenTask | undefined> {
  const outDir = join(folder, run.name);
  const info = await readRunInfo(outDir);
  if (info?.state === 'finished') return undefined;
  if (info !== undefined && (await hasCheckpoint(join(outDir, CHECKPOINT))))
    return { run, argv: flagsOf({ ...pace, ...pluginsOf(run), outDir, initFrom: 'resume' }), resumes: true };
  const settings = { ...run.settings, ...pace, outDir, name: run.name, ...(info && { overwrite: true }) };
  return { run, argv: flagsOf(settings), resumes: false };
}

/** Deletes the runs of a sweep. @throws SsmError OPTION where one of them is under way */
export async function clearRuns(folder: string, runs: readonly SweepRun[]): Promise<void> {
  for (const { name } of runs) {
    const lock = await lockRun(join(folder, name));
    await clearRun(join(folder, name)).finally(() => lock.release());
    await rmdir(join(folder, name)).catch(() => undefined); // something else lies in it
  }
}
