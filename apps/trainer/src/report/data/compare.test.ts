import { describe, expect, it } from 'vitest';
import { evaluation, info } from '../test-support';
import { deviation, differenceOf, differing, groupsOf } from './compare';
import { reportRun } from './run';

const of = (name: string, settings: object, ...losses: number[]) =>
  reportRun(
    name,
    losses.map((loss, i) => evaluation(10 * i, loss)),
    info({ settings }),
  );

describe('runs beside each other', () => {
  const runs = [
    of('a1', { model: 'mamba', seed: 1, outDir: 'a1' }, 3, 2),
    of('b1', { model: 'dense', seed: 1, outDir: 'b1' }, 3, 1.5),
    of('a2', { model: 'mamba', seed: 2, outDir: 'a2', threads: 4 }, 3.5, 2.25),
    of('b2', { model: 'dense', seed: 2, outDir: 'b2' }, 3.5, 1.25, 1),
  ];

  it('are one group where only their seed and their place differ', () => {
    expect(groupsOf(runs)).toEqual([
      { label: 'mamba', runs: [0, 2] },
      { label: 'dense', runs: [1, 3] },
    ]);
    expect(differing(runs).map(({ name }) => name)).toEqual(['model', 'seed']);
  });

  it('are compared seed by seed at the steps that both have evaluated', () => {
    const [base, dense] = groupsOf(runs);
    if (!base || !dense) throw new Error('no groups');
    expect(differenceOf(runs, dense, base)).toEqual([
      { step: 0, mean: 0, spread: 0, paired: 2 },
      { step: 10, mean: -0.75, spread: expect.closeTo(Math.SQRT1_2 / 2, 12), paired: 2 },
    ]);
  });

  it('are compared by their means where they share no seed', () => {
    const others = [of('a', { lr: 1, seed: 1 }, 2), of('a2', { lr: 1, seed: 2 }, 4), of('b', { lr: 2, seed: 7 }, 1)];
    const [base, other] = groupsOf(others);
    if (!base || !other) throw new Error('no groups');
    expect(other.label).toBe('lr 2');
    expect(differenceOf(others, other, base)).toEqual([{ step: 0, mean: -2, spread: Math.SQRT2, paired: 0 }]);
    expect(deviation([1])).toBeUndefined();
  });

  it('that nothing is known about are groups of their own', () => {
    expect(groupsOf([reportRun('x', []), reportRun('y', [])]).map(({ label }) => label)).toEqual(['x', 'y']);
  });
});
