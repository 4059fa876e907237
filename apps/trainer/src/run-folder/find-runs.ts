import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCheckpoint } from './checkpoint';
import { CHECKPOINT } from './names';
import { type RunInfo, type RunState, readRunInfo, stateOf } from './run-info';

/** Folders below the given one in which runs are looked for. */
const DEPTH = 3;

export interface FoundRun {
  readonly folder: string;
  readonly info: RunInfo;
  readonly state: RunState;
  /** Whether it can be continued. */
  readonly isSaved: boolean;
}

/** The runs in a folder and in the folders below it, the latest first. */
export async function findRuns(root: string): Promise<FoundRun[]> {
  const found: FoundRun[] = [];
  const look = async (folder: string, depth: number): Promise<void> => {
    const info = await readRunInfo(folder).catch(() => undefined); // somebody else's run.json
    if (info !== undefined) {
      found.push({
        ...{ folder, info },
        state: await stateOf(folder, info),
        isSaved: await hasCheckpoint(join(folder, CHECKPOINT)),
      });
      return;
    }
    if (depth === 0) return;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const folders = entries.filter((one) => one.isDirectory() && one.name !== 'node_modules' && !one.name.startsWith('.'));
    for (const { name } of folders) await look(join(folder, name), depth - 1);
  };
  await look(root, DEPTH);
  return found.sort((a, b) => (a.info.updated < b.info.updated ? 1 : -1));
}
