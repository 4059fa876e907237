import { join } from 'node:path';
import { isObject, SsmError } from '@densessm/ssm-core/plain';
import type { DataSummary } from '../data/options';
import type { Settings } from '../settings/table';
import { type FileSystem, readTextIfThere, realFiles, replaceFile, writeError } from './files';
import { runInfoOf } from './json-schema';
import { isLocked } from './lock';
import { INFO_FILE } from './names';

/** What run.json tells of a run. */
export interface RunInfo {
  readonly format: 'densessm-run-1';
  readonly name: string;
  /** 'running' also where a process was killed: see {@link stateOf}. */
  readonly state: 'running' | 'finished' | 'interrupted' | 'failed';
  /** The last command, as it was typed. */
  readonly command: readonly string[];
  /** ISO 8601. */
  readonly created: string;
  readonly updated: string;
  readonly process: { readonly host: string; readonly pid: number };
  readonly versions: Readonly<Record<string, string>>;
  readonly backend: string;
  /** Processes as the run began, each with the batches that the settings tell. */
  readonly ranks: number;
  readonly settings: Settings;
  /** config.json of the model. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly parameters: number;
  readonly data: DataSummary;
  /** Steps done when this was written: at the start, at every checkpoint and at the end. */
  readonly step: number;
  /** Training loss of the last step, smoothed over some. */
  readonly loss: number | null;
  readonly best: Best | null;
  /** Time spent training, of all processes. */
  readonly seconds: number;
}

/** The lowest loss on held-out text so far, and after how many steps. */
export interface Best {
  readonly step: number;
  readonly loss: number;
}

/** What a run is doing, told from outside: one that nobody holds any more was killed. */
export async function stateOf(folder: string, { state }: RunInfo, fs: FileSystem = realFiles): Promise<RunState> {
  return state === 'running' && !(await isLocked(folder, fs)) ? 'killed' : state;
}

export type RunState = RunInfo['state'] | 'killed';

/** @throws SsmError FILE where the folder cannot be written */
export async function writeRunInfo(folder: string, info: RunInfo, fs: FileSystem = realFiles): Promise<void> {
  try {
    await replaceFile(fs, folder, INFO_FILE, `${JSON.stringify(info, null, 2)}\n`);
  } catch (error) {
    throw writeError('The run could not be noted down.', join(folder, INFO_FILE), error);
  }
}

/**
 * run.json of a folder; undefined where there is none.
 * @throws SsmError FILE where it is broken
 */
export async function readRunInfo(folder: string, fs: FileSystem = realFiles): Promise<RunInfo | undefined> {
  const path = join(folder, INFO_FILE);
  const text = await readTextIfThere(fs, path);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (isObject(json) && json.format === 'densessm-run-1') return runInfoOf(path, json);
  const fix = 'give another folder with --out-dir';
  throw new SsmError({
    code: 'FILE',
    what: `${path} is not the account of a run.`,
    expected: '"format": "densessm-run-1"',
    got: text.slice(0, 60),
    fix,
  });
}
