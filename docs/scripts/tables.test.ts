import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFigures } from '../../bench/server/levels';
import { root } from '../../scripts/lib/command.mjs';
import { publishedModels } from './published-models';
import { withTable } from './table-marks';
import { allTables, pagePath, pageWith } from './tables';

describe('tables of the documentation', async () => {
  it.each(Object.entries(await allTables()))('%s shows its figures as they were computed or kept', (page, tables) => {
    expect(readFileSync(pagePath(page), 'utf8'), 'npm run program -- docs/scripts/write-tables.ts').toBe(pageWith(page, tables));
  });

  it('counts the parameters of a published model as published', async () => {
    const models = await publishedModels();
    expect(models.find(({ id }) => id === 'state-spaces/mamba-130m')?.parameters).toBe(129_135_360);
  });

  it('has a server under as many clients as the page says', () => {
    const { levels, secondTurn } = readFigures(join(root, 'docs', 'serving.json'));
    expect(levels.map(({ clients }) => clients)).toEqual([1, 8, 64, 200]);
    expect(secondTurn?.ours.secondResponse).toBeLessThan(secondTurn?.ours.readChat ?? 0);
  });

  it('replaces a table by its name, and says where there is none', () => {
    const page = 'a\n<!-- table -->\nold\n<!-- /table -->\n<!-- table two -->\nolder\n<!-- /table -->\nz\n';
    expect(withTable(page, '| 2 |', 'two')).toBe(
      'a\n<!-- table -->\nold\n<!-- /table -->\n<!-- table two -->\n\n| 2 |\n<!-- /table -->\nz\n',
    );
    expect(withTable(page, '| 1 |')).toContain('<!-- table -->\n\n| 1 |\n<!-- /table -->\n<!-- table two -->');
    expect(() => withTable(page, '', 'three')).toThrow('the page has no <!-- table three -->');
  });
});
