/** `npm run program -- docs/scripts/write-tables.ts`: writes the tables of pages that are computed, between their marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFigures, tableOfLevels, tableOfSecondTurn } from '../../bench/server/levels';
import { root } from '../../scripts/lib/command.mjs';
import { tableOfOuterSteps } from './outer-steps';
import { publishedModels, publishedTable } from './published-models';
import { withTable } from './table-marks';

const page = join(root, 'docs', 'guides', 'published-models.md');
writeFileSync(page, withTable(readFileSync(page, 'utf8'), publishedTable(await publishedModels())));

const speed = join(root, 'docs', 'speed.md');
const { levels, secondTurn } = readFigures(join(root, 'docs', 'serving.json'));
const served = withTable(readFileSync(speed, 'utf8'), tableOfLevels(levels));
writeFileSync(speed, secondTurn ? withTable(served, tableOfSecondTurn(secondTurn), 'second turn') : served);

const distributed = join(root, 'docs', 'distributed.md');
writeFileSync(distributed, withTable(readFileSync(distributed, 'utf8'), tableOfOuterSteps()));
