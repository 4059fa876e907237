import { hostname } from 'node:os';
import { join } from 'node:path';
import { isObject, SsmError } from '@densessm/ssm-core/plain';
import type { DataSummary } from '../data/options';
import type { Settings } from '../settings/table';
import { type FileSystem, readTextIfThere, realFiles, replaceFile, writeError } from './files';
import { runInfoOf } from './json-schema';

export const INFO_FILE = 'run.json';

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

/** What a run is doing, told from outside: a process that is gone without a word was killed. */
export function stateOf({ state, process: { host, pid } }: RunInfo): RunInfo['state'] | 'killed' {
  return state === 'running' && host === hostname() && !isAlive(pid) ? 'killed' : state;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
}

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
