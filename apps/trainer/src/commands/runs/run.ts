import { resolve } from 'node:path';
import type { Io } from '../../io';
import { relativePath } from '../../output/paths';
import { alignTable } from '../../output/table';
import { terminalWidth } from '../../output/terminal';
import { type FoundRun, findRuns } from '../../run-folder/find-runs';
import { textOf } from '../../settings/text';
import { shortCount } from '../../view/progress';
import { writeJson, writeLines } from '../shared';
import type { RunsOptions } from './command';
import { conditionOf, type Key, keyOf, sortBy } from './select';

export async function runs(dir: string, { sort, reverse = false, filter = [], json }: RunsOptions, io: Io): Promise<void> {
  const conditions = filter.map(conditionOf);
  const key = sort === undefined ? undefined : keyOf(sort);
  const all = await findRuns(resolve(io.cwd, dir));
  const found = all.filter((run) => conditions.every(({ holds }) => holds(run)));
  const sorted = key ? sortBy(found, key, reverse) : reverse ? [...found].reverse() : found;
  const asked = [...conditions.map((one) => one.key), ...(key ? [key] : [])];
  const columns = [
    ...new Map(asked.filter(({ setting }) => setting !== undefined && setting !== 'model').map((one) => [one.name, one])).values(),
  ];
  if (json) writeJson(io, sorted.map(asJson));
  else if (sorted.length > 0) writeLines(io, asTable(sorted, columns, io));
  else if (all.length > 0) io.stderr.write(`none of the ${all.length} runs in ${dir} fits\n`);
  else io.stderr.write(`no runs in ${dir}; densessm train makes one\n`);
}

function asTable(found: readonly FoundRun[], columns: readonly Key[], io: Io): string[] {
  const head = ['run', 'model', 'parameters', 'steps', 'best held-out loss', ...columns.map(({ name }) => name), 'last change', 'state'];
  const right = [2, 3, 4, ...columns.map((_, i) => 5 + i)];
  return alignTable([head, ...found.map((one) => asRow(one, columns, io.cwd))], { right, width: terminalWidth(io) });
}

const asRow = ({ folder, info, state, isSaved }: FoundRun, columns: readonly Key[], cwd: string): string[] => [
  relativePath(cwd, folder),
  info.settings.model,
  shortCount(info.parameters),
  `${info.step}/${info.settings.maxSteps}`,
  info.best === null ? '–' : info.best.loss.toFixed(4),
  ...columns.map(({ of }) => textOf(of({ folder, info, state, isSaved }) ?? '–')),
  `${info.updated.slice(0, 10)} ${info.updated.slice(11, 16)}`,
  isSaved || state === 'running' ? state : `${state} before its first checkpoint`,
];

const asJson = ({ folder, info, state, isSaved }: FoundRun): Record<string, unknown> => {
  const { name, settings, parameters, step, loss, best, created, updated, seconds } = info;
  return {
    ...{ folder, name, model: settings.model, parameters, step, maxSteps: settings.maxSteps },
    ...{ loss, best, created, updated, seconds, state, checkpoint: isSaved, settings },
  };
};
