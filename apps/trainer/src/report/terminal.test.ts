import { describe, expect, it } from 'vitest';
import { reportRun } from './data/run';
import { sparkline, terminalSummary } from './terminal';
import { evaluation, step, steps } from './test-support';

describe('a sparkline', () => {
  it('goes from the lowest bar to the highest', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 20)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([4, 4], 20)).toBe('▁▁');
    expect(sparkline([1, Number.NaN, 2], 20)).toBe('▁ █');
    expect(sparkline([Number.NaN], 20)).toBe(' ');
    expect(sparkline([], 20)).toBe('');
  });

  it('takes means where there is less room than values', () => {
    expect(sparkline([0, 2, 7, 9, Number.NaN, 15, 100, 114], 4)).toBe(sparkline([1, 8, 15, 107], 4));
    expect(
      [
        ...sparkline(
          Array.from({ length: 1001 }, (_, i) => i),
          48,
        ),
      ].length,
    ).toBe(48);
  });
});

describe('a run on a terminal', () => {
  it('is its curves and its speed', () => {
    const records = [...steps(20), step(20, { skipped: true, loss: Number.NaN }), evaluation(0, 4), evaluation(10, 2.5), evaluation(21, 3)];
    expect(terminalSummary(reportRun('a', records)).join('\n')).toMatchInlineSnapshot(`
      "loss      4.000 █▄▃▂▂▂▂▂▁▁▁▁▁▁▁▁▁▁▁▁ 1.150  training
                4.000 █▁▃ 3.000  held out, lowest 2.500 at step 10
      speed    200 tokens/s, 2,100 tokens read, 1 skipped"
    `);
  });

  it('fits into a narrow one, and into none', () => {
    const run = reportRun('a', [...steps(500), evaluation(0, 4), evaluation(500, 2.5)]);
    for (const columns of [60, 80, 120])
      expect(Math.max(...terminalSummary(run, columns).map((line) => [...line].length))).toBeLessThanOrEqual(columns);
    expect(terminalSummary(run, 1).length).toBe(3);
    expect(terminalSummary(reportRun('a', []))).toEqual([]);
    expect(terminalSummary(reportRun('a', [step(0, { loss: Number.NaN, skipped: true })]))).toEqual([
      'speed    200 tokens/s, 100 tokens read, 1 skipped',
    ]);
  });
});
