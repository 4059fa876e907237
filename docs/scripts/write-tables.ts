/** `npm run program -- docs/scripts/write-tables.ts`: writes the tables of pages that are computed, between their marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLevels, tableOfLevels } from '../../bench/server/levels';
import { root } from '../../scripts/lib/command.mjs';
import { tableOfOuterSteps } from './outer-steps';
import { publishedModels, publishedTable } from './published-models';
import { withTable } from './table-marks';

const page = join(root, 'docs', 'guides', 'published-models.md');
writeFileSync(page, withTable(readFileSync(page, 'utf8'), publishedTable(await publishedModels())));

const speed = join(root, 'docs', 'speed.md');
writeFileSync(speed, withTable(readFileSync(speed, 'utf8'), tableOfLevels(readLevels(join(root, 'docs', 'serving.json')))));

const distributed = join(root, 'docs', 'distributed.md');
writeFileSync(distributed, withTable(readFileSync(distributed, 'utf8'), tableOfOuterSteps()));
