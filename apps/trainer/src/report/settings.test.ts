import { describe, expect, it } from 'vitest';
import { completeSettings } from '../settings/resolve';
import type { SomeSettings } from '../settings/table';
import { reportRun } from './data/run';
import { parameterCharts, type SettingsTable, settingsTable } from './data/settings';
import { settingsSection } from './page/settings';
import { settingsJson, settingsLines } from './settings-table';
import { evaluation, info, steps } from './test-support';

const run = (settings: SomeSettings, loss: number, state = 'finished') =>
  reportRun(
    JSON.stringify(settings),
    [...steps(4), evaluation(2, loss + 1), evaluation(4, loss)],
    info({ settings: completeSettings(settings), state, config: {} }),
  );
/** Three rates with two seeds each, of which one has not finished. */
const RUNS = [
  ...[run({ learningRate: 1e-4, seed: 1 }, 3), run({ learningRate: 1e-4, seed: 2 }, 3.2)],
  ...[run({ learningRate: 1e-3, seed: 1 }, 2), run({ learningRate: 1e-3, seed: 2 }, 2.4)],
  ...[run({ learningRate: 1e-2, seed: 1 }, 2.5), run({ learningRate: 1e-2, seed: 2 }, 1, 'interrupted')],
];

describe('settings beside each other', () => {
  it('have mean and standard deviation over seeds, the lowest mean first, without runs that have not finished', () => {
    const { columns, rows } = settingsTable(RUNS) as SettingsTable;
    expect(columns).toEqual(['learningRate']);
    expect(rows.map(({ values, runs, results }) => [values[0], runs, results.length, results[0]?.seed])).toEqual([
      ['0.001', 2, 2, 1],
      ['0.01', 2, 1, 1],
      ['0.0001', 2, 2, 1],
    ]);
    expect(rows.map(({ mean }) => mean)).toEqual([expect.closeTo(2.2, 9), 2.5, expect.closeTo(3.1, 9)]);
    expect(rows.map(({ spread }) => spread)).toEqual([expect.closeTo(0.4 / Math.SQRT2, 9), undefined, expect.closeTo(0.2 / Math.SQRT2, 9)]);
  });

  it('are nothing where fewer than three runs or nothing but seeds are compared', () => {
    expect(settingsTable(RUNS.slice(1, 3))).toBeUndefined();
    expect(settingsTable([1, 2, 3].map((seed) => run({ seed }, 2)))).toBeUndefined();
  });

  it('lie on a logarithmic axis where they are far apart, words at equal distances', () => {
    const [chart] = parameterCharts(settingsTable(RUNS) as SettingsTable);
    expect([chart?.isLog, chart?.ticks]).toEqual([
      true,
      [
        { label: '0.0001', at: 0 },
        { label: '0.001', at: expect.closeTo(0.5, 9) },
        { label: '0.01', at: 1 },
      ],
    ]);
    const models = (['mamba', 'retnet', 'mamba2'] as const).flatMap((model, i) =>
      [8, 9].map((hiddenSize) => run({ model, hiddenSize }, i + hiddenSize)),
    );
    const [byModel, bySize] = parameterCharts(settingsTable(models) as SettingsTable);
    expect(byModel?.ticks.map(({ at }) => at)).toEqual([0, 0.5, 1]);
    expect(byModel?.lines.map(({ label, points }) => [label, points.map(({ mean }) => mean)])).toEqual([
      ['8', [8, 9, 10]],
      ['9', [9, 10, 11]],
    ]);
    expect([bySize?.isLog, bySize?.lines.length]).toEqual([false, 3]);
  });

  it('are a table on a terminal, a picture in a report and a list for machines', () => {
    expect(settingsLines(RUNS)).toEqual([
      'learning-rate  mean loss  spread            best    runs',
      '─────────────  ─────────  ──────  ──────────────  ──────',
      '0.001              2.200   0.283  2.000 (seed 1)       2',
      '0.01               2.500       –  2.500 (seed 1)  1 of 2',
      '0.0001             3.100   0.141  3.000 (seed 1)       2',
    ]);
    const text = settingsSection(RUNS)?.text ?? '';
    expect(text.match(/<circle/g)).toHaveLength(5);
    expect(text).toContain('aria-label="Mean loss by learningRate: 0.0001: 3.100, 0.001: 2.200, 0.01: 2.500."');
    expect(text).toContain('1 of 6 runs are not counted');
    expect(settingsJson(RUNS)?.[0]).toMatchObject({ settings: { learningRate: '0.001' }, runs: 2, best: { seed: 1, loss: 2, step: 4 } });
  });
});
