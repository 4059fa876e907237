/** Which tables of which pages are computed, or made of figures that programs measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFigures, tableOfClients, tableOfLevels, tableOfSecondTurn, tableOfSteps } from '../../bench/server/levels';
import { root } from '../../scripts/lib/command.mjs';
import { cpuTables } from './cpu-tables';
import { distributedTables } from './distributed-tables';
import { gpuTables } from './gpu-tables';
import { learningTables } from './learning-tables';
import { publishedModels, publishedTable } from './published-models';
import { quantizedTables } from './quantized-tables';
import { durationTable, landingTable, publishedSpeedTable, weightsTable } from './quoted-tables';
import { withTable } from './table-marks';

/** By page, then by the name in the table's mark. */
export async function allTables(): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const { levels, steps, secondTurn } = readFigures(join(root, 'docs', 'serving.json'));
  const served = {
    '': tableOfLevels(levels),
    clients: tableOfClients(levels),
    ...(steps && { steps: tableOfSteps(steps) }),
    ...(secondTurn && { 'second turn': tableOfSecondTurn(secondTurn) }),
  };
  const published = await publishedModels();
  return {
    'index.md': { '': landingTable() },
    'guides/published-models.md': { '': publishedTable(published), speed: publishedSpeedTable() },
    'guides/quantize.md': { '': weightsTable(published) },
    'guides/sweeps.md': { duration: durationTable() },
    'learning.md': learningTables(),
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
