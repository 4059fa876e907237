import { expect, it } from 'vitest';
import { textOf } from '../../settings/text';
import { splitAlternatives } from './alternatives';
import { essence, gridOf } from './grid';

const names = async (options: Record<string, unknown>): Promise<string[]> => (await gridOf(options, '/')).points.map(({ name }) => name);

it('separates values at commas, save those that belong to a value', () => {
  expect(splitAlternatives('3e-4,1e-3')).toEqual(['3e-4', '1e-3']);
  expect(splitAlternatives('one\\, two,three\\n')).toEqual(['one, two', 'three\\n']);
  expect(splitAlternatives('{"a": [1, 2], "b": "}\\","},{"a": 3}', true)).toEqual(['{"a": [1, 2], "b": "}\\","}', '{"a": 3}']);
  expect(splitAlternatives('1,,2')).toEqual(['1', '', '2']);
});

it('makes every combination, the last flag changing first', async () => {
  expect(await names({ learningRate: ['0.0003,1e-3'], seed: ['1,2'], hiddenSize: ['64'], recompute: true })).toEqual([
    ...['learning-rate=3e-4_seed=1', 'learning-rate=3e-4_seed=2', 'learning-rate=1e-3_seed=1', 'learning-rate=1e-3_seed=2'],
  ]);
  const { whole, points } = await gridOf({ threads: ['2'], preset: ['stories'], learningRate: ['1e-2'], carryState: ['true,false'] }, '/');
  expect(whole).toEqual({ threads: 2 });
  expect(points.map(({ settings }) => settings)).toMatchObject([
    { hiddenSize: 96, learningRate: 0.01, carryState: true },
    { hiddenSize: 96, learningRate: 0.01, carryState: false },
  ]);
});

it('takes files with spaces between them as one set of data, and files with commas as several', async () => {
  const data = async (words: string[]) => (await gridOf({ data: words }, '/')).points.map(({ settings }) => settings.data);
  expect(await data(['a.txt', 'b.txt'])).toEqual([['a.txt', 'b.txt']]);
  expect(await data(['a.txt,b.txt'])).toEqual([['a.txt'], ['b.txt']]);
  await expect(data(['a.txt,b.txt', 'c.txt'])).rejects.toMatchObject({
    code: 'OPTION',
    message: expect.stringContaining('spaces and commas'),
  });
});

it('names folders after values, and tells apart what looks alike there', async () => {
  const [one, other] = await names({ samplePrompt: ['a/b,a?b'] });
  expect(one).toMatch(/^sample-prompt=a-b-[\da-f]{6}$/);
  expect(other).not.toBe(one);
  expect([2000, 0.5, 0.001, 1e-7, { a: 1 }].map(textOf)).toEqual(['2000', '0.5', '1e-3', '1e-7', '{"a":1}']);
});

it('takes two runs for the same where only folder, pace and machine differ', () => {
  expect(essence({ seed: 1, threads: 2, learningRate: 1 })).toBe(essence({ learningRate: 1, threads: 4, seed: 1, name: 'x' }));
  expect(essence({ seed: 1 })).not.toBe(essence({ seed: 2 }));
});

it.each([
  [{ seed: ['1,,2'] }, '--seed cannot be used'],
  [{ seed: ['1,1'] }, '--seed has a value twice'],
  [{ learningRate: ['fast,slow'] }, '--learning-rate cannot be used'],
  [{ threads: ['1,2'] }, '--threads cannot vary'],
  [{ initFrom: ['resume'] }, '--init-from resume is for one run'],
  [{ data: ['-'] }, 'stdin'],
  [{ learningRate: ['1e-3,1e-5'], minLr: ['1e-4'] }, '--min-lr lies above --learning-rate'],
  [{ preset: ['stories,storis'] }, 'no such preset'],
])('refuses %j', async (options, told) => {
  await expect(gridOf(options, '/')).rejects.toMatchObject({ code: 'OPTION', message: expect.stringContaining(told) });
});
