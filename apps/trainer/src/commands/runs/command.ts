import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Io } from '../../io';
import { relativePath } from '../../output/paths';
import { alignTable } from '../../output/table';
import { terminalWidth } from '../../output/terminal';
import { type RunInfo, readRunInfo, stateOf } from '../../run/run-info';
import { shortCount } from '../../view/progress';
import type { Register } from '../index';
import { writeJson, writeLines } from '../shared';

/** Folders below the given one in which runs are looked for. */
const DEPTH = 3;

/** `densessm runs` */
export const registerRuns: Register = (program: Command, io: Io): void => {
  program
    .command('runs')
    .summary('list the runs that were trained here')
    .description('Lists the training runs in a folder and in the folders below it, the latest first.')
    .argument('[dir]', 'where to look', 'out')
    .option('--json', 'write a JSON list')
    .action(async (dir: string, { json }: { json?: boolean }) => {
      const found = await findRuns(resolve(io.cwd, dir));
      if (json) writeJson(io, found.map(asJson));
      else if (found.length > 0) writeLines(io, asTable(found, io));
      else io.stderr.write(`no runs in ${dir}; densessm train makes one\n`);
    });
};

interface FoundRun {
  readonly folder: string;
  readonly info: RunInfo;
}

async function findRuns(root: string): Promise<FoundRun[]> {
  const found: FoundRun[] = [];
  const look = async (folder: string, depth: number): Promise<void> => {
    const info = await readRunInfo(folder).catch(() => undefined); // somebody else's run.json
    if (info !== undefined) {
      found.push({ folder, info });
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

const HEAD = ['run', 'model', 'parameters', 'steps', 'best held-out loss', 'last change', 'state'];

const asTable = (found: readonly FoundRun[], io: Io): string[] =>
  alignTable([HEAD, ...found.map((one) => asRow(one, io.cwd))], { right: [2, 3, 4], width: terminalWidth(io) });

const asRow = ({ folder, info }: FoundRun, cwd: string): string[] => [
  relativePath(cwd, folder),
  info.settings.model,
  shortCount(info.parameters),
  `${info.step}/${info.settings.maxSteps}`,
  info.best === null ? '–' : info.best.loss.toFixed(4),
  `${info.updated.slice(0, 10)} ${info.updated.slice(11, 16)}`,
  stateOf(info),
];

const asJson = ({ folder, info }: FoundRun): Record<string, unknown> => {
  const { name, settings, parameters, step, loss, best, created, updated, seconds } = info;
  return {
    ...{ folder, name, model: settings.model, parameters, step, maxSteps: settings.maxSteps },
    ...{ loss, best, created, updated, seconds, state: stateOf(info) },
  };
};
