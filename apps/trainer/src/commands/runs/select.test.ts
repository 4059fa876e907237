import { expect, it } from 'vitest';
import { info } from '../../report/test-support';
import type { FoundRun } from '../../run-folder/find-runs';
import { completeSettings } from '../../settings/resolve';
import type { SomeSettings } from '../../settings/table';
import { conditionOf, keyOf, sortBy } from './select';

const found = (name: string, settings: SomeSettings, loss?: number): FoundRun => ({
  ...{ folder: name, state: 'finished', isSaved: true },
  info: info({ name, settings: completeSettings(settings), best: loss === undefined ? null : { step: 1, loss } }),
});
const RUNS = [
  found('a', { model: 'mamba', learningRate: 3e-4 }, 2.5),
  found('b', { model: 'dense-mamba', learningRate: 1e-2 }),
  found('c', { model: 'dense-mamba', learningRate: 1e-3, data: ['x.txt', 'y.txt'] }, 1.5),
];
const those = (condition: string): string =>
  RUNS.filter(conditionOf(condition).holds)
    .map(({ folder }) => folder)
    .join('');
const sorted = (key: string, reverse = false): string =>
  sortBy(RUNS, keyOf(key), reverse)
    .map(({ folder }) => folder)
    .join('');

it.each([
  ['model=mamba', 'a'],
  ['model=mamba,dense-mamba', 'abc'],
  ['model!=mamba', 'bc'],
  ['learning-rate=0.0003', 'a'],
  ['learning_rate <= 1e-3', 'ac'],
  ['learningRate>1e-3', 'b'],
  ['loss<2', 'c'],
  ['loss!=1.5', 'ab'],
  ['data=x.txt y.txt', 'c'],
  ['state=finished', 'abc'],
])('%s holds for %s', (condition, runs) => {
  expect(those(condition)).toBe(runs);
});

it('sorts by facts and settings, numbers by size, and runs without a value last, whichever way', () => {
  expect([sorted('loss'), sorted('loss', true), sorted('learning-rate'), sorted('name', true)]).toEqual(['cab', 'acb', 'acb', 'cba']);
});

it.each([
  ['lr=1', 'did you mean learning-rate?'],
  ['los<1', 'did you mean loss?'],
  ['model', 'for example --filter model=mamba'],
  ['loss<low', 'for example --filter "loss<2"'],
])('refuses %s with advice', (condition, fix) => {
  expect(() => those(condition)).toThrow(expect.objectContaining({ code: 'OPTION', fix: expect.stringContaining(fix) }));
});
