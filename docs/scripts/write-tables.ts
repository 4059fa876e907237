/** `npm run program -- docs/scripts/write-tables.ts`: writes the tables of pages that are computed or measured, between their marks. */
import { writeFileSync } from 'node:fs';
import { allTables, pagePath, pageWith } from './tables';

for (const [page, tables] of Object.entries(await allTables())) writeFileSync(pagePath(page), pageWith(page, tables));
