/** Which tables of which pages are computed, or made of figures that programs measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFigures, tableOfLevels, tableOfSecondTurn, tableOfSteps } from '../../bench/server/levels';
import { root } from '../../scripts/lib/command.mjs';
import { cpuTables } from './cpu-tables';
import { distributedTables } from './distributed-tables';
import { gpuTables } from './gpu-tables';
import { publishedModels, publishedTable } from './published-models';
import { quantizedTables } from './quantized-tables';
import { withTable } from './table-marks';

/** By page, then by the name in the table's mark. */
export async function allTables(): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const { levels, steps, secondTurn } = readFigures(join(root, 'docs', 'serving.json'));
  const served = {
    '': tableOfLevels(levels),
    ...(steps && { steps: tableOfSteps(steps) }),
    ...(secondTurn && { 'second turn': tableOfSecondTurn(secondTurn) }),
  };
  return {
    'guides/published-models.md': { '': publishedTable(await publishedModels()) },
    'speed.md': { ...cpuTables(), ...served },
    'distributed.md': distributedTables(),
    'speed-gpu.md': gpuTables(),
    'quantized.md': quantizedTables(),
  };
}

export const pagePath = (page: string): string => join(root, 'docs', page);

/** A page as it is when its tables are as its figures. */
export const pageWith = (page: string, tables: Readonly<Record<string, string>>): string =>
  Object.entries(tables).reduce((text, [name, table]) => withTable(text, table, name), readFileSync(pagePath(page), 'utf8'));
