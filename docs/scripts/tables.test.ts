import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFigures } from '../../bench/server/levels';
import { root } from '../../scripts/lib/command.mjs';
import { pagesOf } from './pages';
import { publishedModels } from './published-models';
import { figuresIn, proseOf, withTable } from './table-marks';
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
    expect(levels.filter(({ threads }) => threads > 1).map(({ clients }) => clients)).toEqual([1, 8, 64, 200]);
    expect(secondTurn?.ours.secondResponse).toBeLessThan(secondTurn?.ours.readChat ?? 0);
  });

  it.each(documents())('%s says no speed or time that no program wrote', (page) => {
    expect(figuresIn(proseOf(readFileSync(pagePath(page), 'utf8')))).toEqual([]);
  });

  it('finds a speed in the text of a page, and not in its tables or its code', () => {
    const page = 'Runs at 31 tokens per second.\n<!-- table x -->\n\n| 5 ms |\n<!-- /table -->\n```sh\nsleep 5 ms\n```\n';
    expect(figuresIn(proseOf(page))).toEqual(['31 tokens per second.']);
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

/** Every document, by its path from docs. */
function documents(): string[] {
  const folders = ['packages', 'apps'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`));
  const readmes = ['.', 'bench', 'examples', ...folders].map((folder) => `../${folder}/README.md`);
  return [...pagesOf(), ...readmes.filter((path) => existsSync(pagePath(path)))];
}
