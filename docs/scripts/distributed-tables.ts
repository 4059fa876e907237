/** The tables of docs/distributed.md: outer steps, what was measured (docs/measured/distributed.json, by bench/distributed.ts), and what its model says of clusters. */
import { assumptions, projection } from '../../bench/distributed/cost';
import { tableOfOuterSteps } from './learning-tables';
import { digits, measured, runTable, tableOf } from './measured';

export function distributedTables(): Record<string, string> {
  const all = measured('distributed.json');
  const steps = all.figures.filter(({ part }) => part === 'steps');
  const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);
  const [one] = steps;
  const speeds = steps.map(({ name, batch, length, processes = 1, threads, rate, waited, bytes }) => [
    ...[name, `${batch} × ${length}`, String(processes), String(threads), digits(number(rate))],
    ...[digits((number(rate) * processes) / number(one?.rate)), `${(100 * number(waited) * number(rate)).toFixed(0)} %`],
    number(bytes).toLocaleString('en-US'),
  ]);
  const reductions = all.figures
    .filter(({ part }) => part === 'all-reduce')
    .map(({ name, processes, seconds, latency, bandwidth, worst }) => [
      ...[name, String(processes)],
      ...(seconds as readonly number[]).map((value) => digits(1e6 * value)),
      ...[digits(1e6 * number(latency)), digits(number(bandwidth) / 1e9), digits(number(worst))],
    ]);
  const sizes = ['64 B', '16 KiB', '128 KiB', '1 MiB', '8 MiB'];
  const [head = [], ...rows] = projection();
  return {
    '': tableOfOuterSteps(),
    steps: tableOf(
      [
        ...['model', 'batch of a process', 'processes', 'threads of each', 'steps/s', 'tokens/s ÷ one process'],
        ...['waiting for others', 'bytes a step'],
      ],
      speeds,
    ),
    reductions: tableOf(
      ['all-reduce, µs', 'processes', ...sizes, 'fitted latency, µs', 'bandwidth, GB/s', 'off by a factor of at most'],
      reductions,
    ),
    clusters: `${assumptions()}\n\n${tableOf(head, rows, 0)}`,
    runs: runTable(all),
  };
}
