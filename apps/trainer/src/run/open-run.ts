import { basename, join, resolve } from 'node:path';
import type { Communicator } from '@densessm/distributed';
import { SsmError } from '@densessm/ssm-core/plain';
import { usageError } from '../errors';
import type { Io } from '../io';
import { shortName } from '../model/source';
import { type Checkpoint, hasCheckpoint, openCheckpoint, restoreSwapped } from '../run-folder/checkpoint';
import { type FileSystem, realFiles, sweep } from '../run-folder/files';
import { lockRun, type RunLock } from '../run-folder/lock';
import { readLog } from '../run-folder/log-file';
import { BEST, CHECKPOINT, INFO_FILE, LOG_FILE, REPORT } from '../run-folder/names';
import { type RunInfo, readRunInfo } from '../run-folder/run-info';
import { completeSettings, resumedSettings } from '../settings/resolve';
import type { Settings, SomeSettings } from '../settings/table';
import { type Shares, sharesFor, sharesOf } from './shares';

/** A folder that a run may use, and what it continues from. */
export interface OpenRun {
  readonly folder: string;
  readonly name: string;
  readonly settings: Settings;
  /** Keeps every other process out until it is released. */
  readonly lock: RunLock;
  /** How the run divided the texts of a step when it began, which run.json keeps. */
  readonly began: Shares;
  /** The processes of the run, where there are several. Only the first has a folder and a lock of its own. */
  readonly world?: Communicator;
  /** Where this run continues another process's. */
  readonly resumed?: { readonly info: RunInfo; readonly checkpoint: Checkpoint };
  /** Whether an older run has to be deleted before the first file is written. */
  readonly replaces: boolean;
}

type Decided = Omit<OpenRun, 'folder' | 'lock' | 'world'>;

interface Opening {
  readonly breakLock?: boolean;
  /** Processes that will train. */
  readonly ranks?: number;
  /** Whether to continue a run that has a checkpoint, and to begin where there is none. */
  readonly requeue?: boolean;
}

/**
 * Takes the folder of a run, and decides whether the run starts or continues. Writes nothing that stays but the lock.
 * @throws SsmError OPTION where another process trains there or the folder holds a run that nobody wants to continue or to lose, FILE where
 * it cannot be written or where there is nothing to continue from
 */
export async function openRun(
  given: SomeSettings,
  { cwd }: Pick<Io, 'cwd'>,
  { breakLock = false, ranks = 1, requeue = false }: Opening = {},
  fs: FileSystem = realFiles,
): Promise<OpenRun> {
  const name = given.name ?? nameOf(given, cwd);
  const folder = resolve(cwd, given.outDir ?? join('out', name));
  const lock = await lockRun(folder, { breakLock }, fs);
  try {
    return { folder, lock, ...(await decide(folder, given, { ranks, requeue }, fs)) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

type Way = Required<Pick<Opening, 'ranks' | 'requeue'>>;

async function decide(folder: string, said: SomeSettings, { ranks, requeue }: Way, fs: FileSystem): Promise<Decided> {
  await sweep(folder, fs);
  for (const name of [CHECKPOINT, BEST]) await restoreSwapped(join(folder, name), fs);
  const info = await readRunInfo(folder, fs);
  const given = requeue && info !== undefined ? await asRequeued(folder, said, fs) : said;
  if (given.initFrom === 'resume') return resumeRun(folder, given, info, ranks, fs);
  const settings = completeSettings(given);
  const isEmpty = info !== undefined && (await hasNothing(folder, fs));
  if (!settings.overwrite && !isEmpty) await refuseUsed(folder, info, fs);
  return { name: given.name ?? basename(folder), settings, began: sharesOf(settings, ranks), replaces: settings.overwrite || isEmpty };
}

/** The same command again: it continues, or begins anew where nothing was saved. */
async function asRequeued(folder: string, given: SomeSettings, fs: FileSystem): Promise<SomeSettings> {
  return (await hasCheckpoint(join(folder, CHECKPOINT), fs))
    ? { ...given, initFrom: 'resume', overwrite: false }
    : { ...given, overwrite: true };
}

async function resumeRun(folder: string, given: SomeSettings, info: RunInfo | undefined, ranks: number, fs: FileSystem): Promise<Decided> {
  if (info === undefined)
    throw usageError('There is no run to go on with.', `${folder}/${INFO_FILE}`, 'nothing', 'name the folder of the run with --out-dir');
  const settings = resumedSettings(info.settings, given);
  const checkpoint = await openCheckpoint(join(folder, CHECKPOINT), fs);
  const began = sharesOf(settings, info.ranks);
  const { batchSize, gradientAccumulationSteps } = sharesFor(ranks, began);
  const own = { ...settings, batchSize, gradientAccumulationSteps };
  if (checkpoint !== undefined) return { name: info.name, settings: own, began, resumed: { info, checkpoint }, replaces: false };
  throw new SsmError({
    code: 'FILE',
    what: `${folder}: the run ended before its first checkpoint.`,
    expected: `a folder ${CHECKPOINT} to continue from`,
    got: await endOf(folder, info, fs),
    fix: `start it again: --overwrite in place of --init-from resume${await orBest(folder, fs)}; --save-interval says how often a run is saved`,
  });
}

/** How a run without a checkpoint ended: `killed with 12 steps in its log and none saved`. */
async function endOf(folder: string, info: RunInfo, fs: FileSystem): Promise<string> {
  const steps = (await readLog(folder, fs)).filter(({ type }) => type === 'step').length;
  return `${endedState(info)} with ${steps} steps in its log and none saved`;
}

/** Who holds the lock knows that nobody else trains. */
const endedState = ({ state }: RunInfo): string => (state === 'running' ? 'killed' : state);

const orBest = async (folder: string, fs: FileSystem): Promise<string> =>
  (await hasCheckpoint(join(folder, BEST), fs)) ? `, or begin a new run with its best weights: --init-from ${join(folder, BEST)}` : '';

/** `book-dense-mamba` for `--data texts/book.txt.gz`, `book-mamba-130m-hf` where it starts from that model and remains what it is. */
export function nameOf(given: SomeSettings, cwd: string): string {
  const { data, model, initFrom } = completeSettings({ ...given });
  const goesOn = !['scratch', 'resume'].includes(initFrom) && given.model === undefined;
  const words = basename(data[0] ?? '').replace(/(\.(txt|md|jsonl|parquet|json|csv))?(\.gz)?$/i, '');
  return `${asWord(words) || 'run'}-${goesOn ? asWord(shortName(cwd, initFrom)) : model}`;
}

const asWord = (text: string): string => text.replaceAll(/[^\p{Letter}\p{Number}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '');

/** Whether a run ended before its first step: nothing is lost with it. */
async function hasNothing(folder: string, fs: FileSystem): Promise<boolean> {
  const names = await fs.readdir(folder);
  return !names.some((name) => /^(checkpoint|best)/.test(name)) && !(await readLog(folder, fs)).some(({ type }) => type === 'step');
}

async function refuseUsed(folder: string, info: RunInfo | undefined, fs: FileSystem): Promise<void> {
  if (info !== undefined) {
    const isSaved = await hasCheckpoint(join(folder, CHECKPOINT), fs);
    const got = isSaved ? `${endedState(info)} after ${info.step} steps` : await endOf(folder, info, fs);
    const fresh = '--overwrite to delete it, or choose another --out-dir';
    throw usageError(
      isSaved ? `${folder} holds a run already.` : `${folder} holds a run that ended before its first checkpoint.`,
      isSaved ? 'a new folder, --init-from resume or --overwrite' : 'a new folder or --overwrite',
      `the run ${info.name}, ${got}`,
      isSaved ? `add --init-from resume to continue it, ${fresh}` : `add ${fresh}${await orBest(folder, fs)}`,
    );
  }
  const names = await fs.readdir(folder);
  const ours = names.find((one) => [LOG_FILE, CHECKPOINT, BEST, REPORT].includes(one));
  if (ours !== undefined)
    throw usageError(`${folder} holds something else.`, 'a folder without files of a run', ours, 'choose another folder with --out-dir');
}

/** Deletes what an earlier run left, and nothing else. */
export async function clearRun(folder: string, fs: FileSystem = realFiles): Promise<void> {
  await fs.rm(join(folder, INFO_FILE), { force: true });
  const names = await fs.readdir(folder);
  const ours = names.filter(
    (name) => [LOG_FILE, REPORT].includes(name) || /^(events\.out\.tfevents\..*|(checkpoint|best)(\.old)?)$/.test(name),
  );
  for (const name of ours) await fs.rm(join(folder, name), { recursive: true, force: true });
}
