/** `npm run program -- docs/scripts/write-tables.ts`: writes the tables of pages that are computed, between their marks. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/lib/command.mjs';
import { publishedModels, publishedTable } from './published-models';
import { withTable } from './table-marks';

const page = join(root, 'docs', 'guides', 'published-models.md');
writeFileSync(page, withTable(readFileSync(page, 'utf8'), publishedTable(await publishedModels())));
