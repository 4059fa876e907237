import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readLevels, tableOfLevels } from '../../bench/server/levels';
import { root } from '../../scripts/lib/command.mjs';
import { tableOfOuterSteps } from './outer-steps';
import { publishedModels, publishedTable } from './published-models';

it('shows the sizes of published models as they are computed', async () => {
  const models = await publishedModels();
  expect(models.find(({ id }) => id === 'state-spaces/mamba-130m')?.parameters).toBe(129_135_360); // as published
  const page = readFileSync(join(root, 'docs', 'guides', 'published-models.md'), 'utf8');
  expect(page).toContain(publishedTable(models));
});

it('shows what many clients of a server saw as it was kept', () => {
  const levels = readLevels(join(root, 'docs', 'serving.json'));
  expect(levels.map(({ clients }) => clients)).toEqual([1, 8, 64, 200]);
  expect(readFileSync(join(root, 'docs', 'speed.md'), 'utf8')).toContain(tableOfLevels(levels));
});

it('shows what outer steps cost as it was learned', () => {
  expect(readFileSync(join(root, 'docs', 'distributed.md'), 'utf8')).toContain(tableOfOuterSteps());
});
