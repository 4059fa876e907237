import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readFigures, tableOfLevels, tableOfSecondTurn } from '../../bench/server/levels';
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
  const { levels, secondTurn } = readFigures(join(root, 'docs', 'serving.json'));
  expect(levels.map(({ clients }) => clients)).toEqual([1, 8, 64, 200]);
  const page = readFileSync(join(root, 'docs', 'speed.md'), 'utf8');
  expect(page).toContain(tableOfLevels(levels));
  expect(secondTurn?.ours.secondResponse).toBeLessThan(secondTurn?.ours.readChat ?? 0);
  expect(page).toContain(secondTurn && tableOfSecondTurn(secondTurn));
});

it('shows what outer steps cost as it was learned', () => {
  expect(readFileSync(join(root, 'docs', 'distributed.md'), 'utf8')).toContain(tableOfOuterSteps());
});
