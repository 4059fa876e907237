import type { RunRecord } from '@densessm/train';
import { describe, expect, it } from 'vitest';
import { fakeIo } from '../test-support/fake-io';
import { duration, shortCount } from './progress';
import { runView } from './run-view';

const step = (number: number, loss = 2): RunRecord => ({
  ...{ type: 'step', step: number, loss, learningRate: 1e-3, gradNorm: 1, tokens: 1000, skipped: false, seconds: 0.5, wallTime: 0 },
});

function shown(records: readonly RunRecord[], options: { json?: boolean; isTTY?: boolean }) {
  const io = fakeIo({ isTTY: options.isTTY });
  const view = runView(io, { json: options.json === true, logInterval: 2 });
  view.say('hello');
  view.start(0, 5);
  for (const record of records) view.record(record);
  view.end();
  return io.written();
}

describe('the view of a run', () => {
  const records: RunRecord[] = [
    { type: 'evaluation', step: 0, loss: 4.5, tokens: 10, wallTime: 0 },
    ...[0, 1, 2, 3, 4].map((number) => step(number)),
    { type: 'sample', step: 5, prompt: 'Once', text: ' upon\na time', wallTime: 0 },
  ];

  it('is plain lines where there is no terminal', () => {
    const { stdout, stderr } = shown(records, {});
    expect(stdout).toBe('');
    expect(stderr.split('\n')).toEqual([
      'hello',
      'step 0  held-out loss 4.5000',
      'step 2/5  loss 2.0000  learning rate 1.00e-3  2,000 tokens/s  1.5 s left',
      'step 4/5  loss 2.0000  learning rate 1.00e-3  2,000 tokens/s  0.5 s left',
      'step 5/5  loss 2.0000  learning rate 1.00e-3  2,000 tokens/s  0.0 s left',
      'step 5  sample',
      '  │ Once» upon',
      '  │ a time',
      '',
    ]);
  });

  it('is one line that is written over on a terminal, and is gone at the end', () => {
    const { stderr } = shown([step(0), step(1)], { isTTY: true });
    const lines = stderr.split('\r').map((line) => line.replace('\u001b[K', ''));
    expect(lines[1]).toMatch(/^█{5}░{19} {2}20 % {2}step 1\/5 {2}loss 2\.000 {2}2,000 tokens\/s {2}2\.0 s left$/);
    expect(lines.at(-1)).toBe('');
    expect(stderr.split('\n')).toHaveLength(2); // the remark, and what is written over
  });

  it('tells of a step that was left out', () => {
    const { stderr } = shown([{ ...step(0, Number.NaN), skipped: true } as RunRecord], {});
    expect(stderr).toContain('step 1: left out, since loss or gradient is not finite (loss NaN)');
  });

  it('is nothing but records for a machine', () => {
    const { stdout, stderr } = shown(records, { json: true });
    expect(stderr).toBe('');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(records);
  });
});

it('durations and counts are short', () => {
  expect([0.04, 9.94, 59.6, 200, 7260, 400_000].map(duration)).toEqual([
    '0.0 s',
    '9.9 s',
    '1 min 00 s',
    '3 min 20 s',
    '2 h 01 min',
    '4.6 days',
  ]);
  expect([65, 22_016, 720_000, 12_345_678, 356_000_000, 1.3e9].map(shortCount)).toEqual([
    '65',
    '22.0 k',
    '0.72 M',
    '12.3 M',
    '356 M',
    '1.30 B',
  ]);
});
