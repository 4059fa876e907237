import { basename, join, resolve } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import { usageError } from '../errors';
import type { Io } from '../io';
import { completeSettings, resumedSettings } from '../settings/resolve';
import type { Settings, SomeSettings } from '../settings/table';
import { type Checkpoint, openCheckpoint, tidyCheckpoints } from './checkpoint';
import { type FileSystem, realFiles, writeError, writePieces } from './files';
import { LOG_FILE, readLog } from './log-file';
import { INFO_FILE, type RunInfo, readRunInfo, stateOf } from './run-info';

export const CHECKPOINT = 'checkpoint';
export const BEST = 'best';
export const REPORT = 'report.html';

/** A folder that a run may use, and what it goes on from. */
export interface OpenRun {
  readonly folder: string;
  readonly name: string;
  readonly settings: Settings;
  /** Where this run goes on after another process. */
  readonly resumed?: { readonly info: RunInfo; readonly checkpoint: Checkpoint };
  /** Whether an older run has to be deleted before the first file is written. */
  readonly replaces: boolean;
}

/**
 * Decides where a run lies and whether it starts or goes on. Writes nothing that stays.
 * @throws SsmError OPTION where the folder holds a run that nobody wants to go on with or to lose, FILE where it cannot be
 * written or where there is nothing to go on from
 */
export async function openRun(given: SomeSettings, { cwd }: Pick<Io, 'cwd'>, fs: FileSystem = realFiles): Promise<OpenRun> {
  const name = given.name ?? nameOf(given);
  const folder = resolve(cwd, given.outDir ?? join('out', name));
  const info = await readRunInfo(folder, fs);
  if (info !== undefined) refuseBusy(folder, info);
  if (given.initFrom === 'resume') return resumeRun(folder, given, info, fs);
  const settings = completeSettings(given);
  const isEmpty = info !== undefined && (await hasNothing(folder, fs));
  if (!settings.overwrite && !isEmpty) await refuseUsed(folder, info, fs);
  await checkWritable(folder, fs);
  return { folder, name: given.name ?? basename(folder), settings, replaces: settings.overwrite || isEmpty };
}

async function resumeRun(folder: string, given: SomeSettings, info: RunInfo | undefined, fs: FileSystem): Promise<OpenRun> {
  if (info === undefined)
    throw usageError('There is no run to go on with.', `${folder}/${INFO_FILE}`, 'nothing', 'name the folder of the run with --out-dir');
  const settings = resumedSettings(info.settings, given);
  await checkWritable(folder, fs);
  await tidyCheckpoints(join(folder, CHECKPOINT), fs);
  await tidyCheckpoints(join(folder, BEST), fs);
  const checkpoint = await openCheckpoint(join(folder, CHECKPOINT), fs);
  if (checkpoint !== undefined) return { folder, name: info.name, settings, resumed: { info, checkpoint }, replaces: false };
  throw new SsmError({
    code: 'FILE',
    what: `${folder}: the run has no checkpoint yet.`,
    expected: `a folder ${CHECKPOINT}`,
    got: 'nothing',
    fix: 'start it again with --overwrite in place of --init-from resume; --save-interval says how often one is saved',
  });
}

/** `book-dense-mamba` for `--data texts/book.txt.gz --model dense-mamba`. */
function nameOf(given: SomeSettings): string {
  const { data, model } = completeSettings({ ...given });
  const first = basename(data[0] ?? '').replace(/(\.(txt|md|jsonl|parquet|json|csv))?(\.gz)?$/i, '');
  const word = first.replaceAll(/[^\p{Letter}\p{Number}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'run';
  return `${word}-${model}`;
}

/** Whether a run ended before its first step: nothing is lost with it. */
async function hasNothing(folder: string, fs: FileSystem): Promise<boolean> {
  const names = await fs.readdir(folder);
  return !names.some((name) => /^(checkpoint|best)/.test(name)) && !(await readLog(folder, fs)).some(({ type }) => type === 'step');
}

function refuseBusy(folder: string, info: RunInfo): void {
  if (stateOf(info) !== 'running' || info.process.pid === process.pid) return;
  throw usageError(
    `${folder}: the run is under way.`,
    'a run that nobody trains',
    `process ${info.process.pid} on ${info.process.host}`,
    'wait for it or end it; choose another folder with --out-dir',
  );
}

async function refuseUsed(folder: string, info: RunInfo | undefined, fs: FileSystem): Promise<void> {
  if (info !== undefined)
    throw usageError(
      `${folder} holds a run already.`,
      'a new folder, --init-from resume or --overwrite',
      `the run ${info.name}, ${stateOf(info)} after ${info.step} steps`,
      `add --init-from resume to go on with it, --overwrite to delete it, or choose another --out-dir`,
    );
  const names = await fs.readdir(folder).catch(() => [] as string[]);
  const ours = names.find((one) => [LOG_FILE, CHECKPOINT, BEST, REPORT].includes(one));
  if (ours !== undefined)
    throw usageError(`${folder} holds something else.`, 'a folder without files of a run', ours, 'choose another folder with --out-dir');
}

/** @throws SsmError FILE before any work is done that could not be saved */
async function checkWritable(folder: string, fs: FileSystem): Promise<void> {
  const path = join(folder, `.${crypto.randomUUID()}.tmp`);
  let made: string | undefined;
  try {
    made = await fs.mkdir(folder, { recursive: true });
    await writePieces(fs, path, [new Uint8Array(1)]);
  } catch (error) {
    throw writeError(`${folder} cannot hold a run.`, folder, error);
  } finally {
    await fs.rm(path, { force: true }).catch(() => undefined);
    if (made !== undefined) await fs.rm(made, { recursive: true, force: true }).catch(() => undefined); // until there is something to keep
  }
}

/** Deletes what an earlier run left, and nothing else. */
export async function clearRun(folder: string, fs: FileSystem = realFiles): Promise<void> {
  await fs.rm(join(folder, INFO_FILE), { force: true });
  const names = await fs.readdir(folder);
  const ours = names.filter(
    (name) => [LOG_FILE, REPORT].includes(name) || /^(events\.out\.tfevents\..*|(checkpoint|best)(\.old|\..*\.tmp)?)$/.test(name),
  );
  for (const name of ours) await fs.rm(join(folder, name), { recursive: true, force: true });
}
