import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { usageError } from '../../errors';
import { EXIT, Exit, Interrupted, type Io } from '../../io';
import { relativePath } from '../../output/paths';
import { freeMemory } from '../../run/free-memory';
import { nameOf } from '../../run/open-run';
import { startTraining, type TrainingProcess } from '../../run/training-process';
import { sweep as sweepHalf } from '../../run-folder/files';
import { isLocked, lockRun } from '../../run-folder/lock';
import { readRunInfo } from '../../run-folder/run-info';
import { readSweep, type SweepRun, writeSweep } from '../../run-folder/sweep-file';
import { whole } from '../../settings/kinds';
import { completeSettings } from '../../settings/resolve';
import type { SomeSettings } from '../../settings/table';
import { writeReportOf } from '../report/write';
import type { SweepOptions } from './command';
import { type Grid, gridOf } from './grid';
import { clearRuns, type OpenTask, runsOf, taskOf } from './plan';
import { type Started, schedule } from './schedule';
import { type RunOutcome, SweepView } from './view';

/** `densessm sweep` */
export async function sweep(options: SweepOptions, _: readonly string[], io: Io): Promise<void> {
  const grid = await gridOf(options, io.cwd);
  const folder = folderOf(grid, io);
  const jobs = options.jobs === undefined ? undefined : whole(1).read(options.jobs);
  if (options.jobs !== undefined && jobs === undefined)
    throw usageError('--jobs cannot be used.', 'an integer from 1', options.jobs, 'leave it out for as many as fit');
  const lock = await lockRun(folder, { breakLock: options.breakLock });
  try {
    await sweepHalf(folder);
    const runs = await prepare(grid, folder);
    const failed = await new Sweep(folder, runs, grid.whole, jobs, options.json === true, io).go();
    if (io.signal.aborted)
      throw new Interrupted(`\ninterrupted; all runs are saved. Go on with:\n  densessm sweep --out-dir ${relativePath(io.cwd, folder)}`);
    const folders = runs.map(({ name }) => join(folder, name));
    await writeReportOf(folders, join(folder, 'report.html'), { json: options.json === true, isLine: true }, io);
    if (failed.length === 0) return;
    if (!options.json)
      io.stderr.write(`${failed.length} of ${runs.length} runs failed: ${failed.join(', ')}; the same command tries them again\n`);
    throw new Exit(EXIT.failure);
  } finally {
    await lock.release();
  }
}

function folderOf({ whole, points }: Grid, { cwd }: Io): string {
  const [first] = points;
  if (whole.outDir === undefined && whole.name === undefined && first === undefined) throw nothingToVary();
  return resolve(cwd, whole.outDir ?? join('out', whole.name ?? `${nameOf(first?.settings ?? {}, cwd)}-sweep`));
}

const nothingToVary = (): Error =>
  usageError(
    'There is nothing to vary.',
    'a flag of densessm train with several values, or the folder of a sweep',
    'one value each',
    'separate values with commas: --learning-rate 3e-4,1e-3 --seed 1,2',
  );

/** The runs of the sweep, which sweep.json lists from here on. */
async function prepare({ whole, points }: Grid, folder: string): Promise<SweepRun[]> {
  const stored = (await readSweep(folder)) ?? [];
  if (points.length === 0 && stored.length > 0) return stored;
  if (points.length < 2 && stored.length === 0) throw nothingToVary();
  if (whole.overwrite) await clearRuns(folder, stored);
  const known = whole.overwrite ? [] : stored;
  const runs = await runsOf(folder, points, known);
  const others = known.filter(({ name }) => !runs.some((run) => run.name === name));
  await writeSweep(folder, [...others, ...runs]);
  return [...others, ...runs];
}

/** Between two looks at the lock of a run that an earlier sweep, which was killed, is still saving. */
const LOOK_MS = 200;

class Sweep {
  readonly #running = new Map<string, TrainingProcess>();
  readonly #failed: string[] = [];

  constructor(
    readonly folder: string,
    readonly runs: readonly SweepRun[],
    readonly whole: SomeSettings,
    readonly jobs: number | undefined,
    readonly json: boolean,
    readonly io: Io,
  ) {}

  /** @returns the names of the runs that failed */
  async go(): Promise<string[]> {
    const { io, folder, runs } = this;
    const tasks: OpenTask[] = [];
    const { name: _, outDir: __, overwrite: ___, ...pace } = this.whole;
    for (const run of runs) {
      await this.#untilFree(run.name);
      const task = await taskOf(folder, run, pace);
      if (task !== undefined) tasks.push(task);
    }
    if (tasks.length === 0) return [];
    const cores = availableParallelism();
    const jobs = Math.min(tasks.length, this.jobs ?? Math.max(1, Math.floor(cores / (pace.threads ?? 1))));
    const threads = pace.threads ?? Math.max(1, Math.floor(cores / jobs));
    const view = new SweepView(io, runs.length, runs.length - tasks.length, this.json);
    view.say(`sweep    ${runs.length} runs, ${runs.length - tasks.length} of them done; up to ${jobs} at a time, ${threads} threads each`);
    view.say(`folder   ${folder}`);
    const stop = (): void => {
      view.say('stopping and saving; Ctrl-C again quits without saving');
      for (const one of this.#running.values()) one.stop();
    };
    io.signal.addEventListener('abort', stop, { once: true });
    try {
      const start = async (task: OpenTask) => this.#start(task, threads, view);
      await schedule(tasks, { jobs, signal: io.signal, start, freeBytes: freeMemory });
    } finally {
      io.signal.removeEventListener('abort', stop);
      view.close();
    }
    return this.#failed;
  }

  /** A run whose sweep was killed saves and ends a moment later. */
  async #untilFree(name: string): Promise<void> {
    const { io, folder } = this;
    if (await isLocked(join(folder, name))) io.stderr.write(`${name}  is still being saved by an earlier process; waiting\n`);
    while (!io.signal.aborted && (await isLocked(join(folder, name)))) await wait(LOOK_MS);
  }

  #start({ run, argv, resumes }: OpenTask, threads: number, view: SweepView): Started {
    const { io } = this;
    const { name } = run;
    view.start(name, completeSettings(run.settings).maxSteps, resumes);
    const training = startTraining([...argv, ...(argv.some((word) => word.startsWith('--threads=')) ? [] : [`--threads=${threads}`])], {
      self: io.self ?? missingSelf(),
      cwd: io.cwd,
      env: { ...io.env },
      onRecord: (record) => view.record(name, record),
    });
    this.#running.set(name, training);
    return { planned: training.planned, ended: this.#end(name, training, view) };
  }

  async #end(name: string, training: TrainingProcess, view: SweepView): Promise<void> {
    const { code, errors } = await training.ended;
    this.#running.delete(name);
    const state: RunOutcome['state'] = code === EXIT.fine ? 'finished' : code === EXIT.interrupted ? 'interrupted' : 'failed';
    if (state === 'failed') this.#failed.push(name);
    const info = await readRunInfo(join(this.folder, name)).catch(() => undefined);
    view.end({ name, state, best: info?.best, ...(state === 'failed' && { errors }) });
  }
}

function missingSelf(): never {
  throw usageError(
    'This program cannot start runs.',
    'io.self, the words that start densessm as a process of its own',
    'none',
    'run the command densessm, or pass self to main',
  );
}
