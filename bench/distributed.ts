/**
 * `node scripts/run.mjs bench/distributed.ts`: training in 1, 2 and 4 processes of this machine, as mpirun starts them: steps per second,
 * the share of communication, bytes in a step; all-reduce by size; a model of its cost, fitted to that, and what it says of clusters.
 * Options: --hidden, --layers, --batch, --length, --steps, --ranks 1,2,4, --mpi mpirun.openmpi, --project (the paper part alone), and
 * --figures docs/measured/distributed.json, which keeps them. Figures: of `steps`, `rate` in steps/s, the seconds of which each process
 * `waited` and `bytes` of a step, medians; of `all-reduce`, the `bytes` and `seconds` of each size, and the fitted `latency` in seconds and `bandwidth` in bytes/s.
 */
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installedMpi } from '../scripts/lib/mpi.mjs';
import { alignTable } from '../scripts/lib/table';
import { fitCost, projection } from './distributed/cost';
import type { RankReport } from './distributed/rank';
import { type Figure, keepMeasured } from './lib/measured';
import { commit, machine } from './lib/results';

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values } = parseArgs({
  options: {
    ...{ hidden: text('128'), layers: text('4'), batch: text('12'), length: text('64'), steps: text('20'), ranks: text('1,2,4') },
    ...{ mpi: text('mpirun.openmpi'), project: { type: 'boolean', default: false }, figures: text('') },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const RANK = fileURLToPath(new URL('./distributed/rank.ts', import.meta.url));

if (!values.project) measure();
print('\nOn paper: speed-up over one node, steps of 524,288 tokens, meeting at every step / every 100 steps');
for (const line of alignTable(projection())) print(line);

function measure(): void {
  const mpi = installedMpi().find(({ command }) => command === values.mpi);
  if (mpi === undefined) throw new Error(`there is no ${values.mpi}`);
  const { cpu, cores } = machine();
  const load = `load ${loadavg()[0]?.toFixed(1)}`;
  print(`${cpu}, ${cores} cores, ${load}; ${mpi.name}`);
  const sizes = [values.hidden, values.layers, values.batch, values.length, values.steps];
  const reports = values.ranks.split(',').map((ranks) => {
    const node = [...process.execArgv, RANK, ...sizes];
    const { stdout, stderr, status } = spawnSync(mpi.command, [...mpi.flags, '-n', ranks, process.execPath, ...node], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '') as RankReport;
  });
  if (values.figures) keep(reports, mpi.name, load);
  const [one] = reports as [RankReport];
  print(
    `layers ${values.layers} of ${values.hidden}, ${values.batch} × ${values.length} tokens in each process, ${one.parameters} parameters`,
  );
  const rows = reports.map(({ ranks, secondsPerStep, waitedPerStep, bytesPerStep, threads }) => [
    String(ranks),
    String(threads),
    (1 / secondsPerStep).toFixed(2),
    (ranks / secondsPerStep / (1 / one.secondsPerStep)).toFixed(2),
    `${((100 * waitedPerStep) / secondsPerStep).toFixed(0)} %`,
    String(bytesPerStep),
  ]);
  for (const line of alignTable([
    ['processes', 'threads each', 'steps/s', 'tokens/s ÷ one', 'waiting for others', 'bytes a step'],
    ...rows,
  ]))
    print(line);
  for (const { ranks, allReduce } of reports.filter((report) => report.ranks > 1)) {
    const { latencySeconds, bytesPerSecond, worst } = fitCost(allReduce, ranks);
    print(`\nall-reduce in ${ranks}: ${allReduce.map(({ bytes, seconds }) => `${bytes} B ${(1e6 * seconds).toFixed(0)} µs`).join(', ')}`);
    const fit = `${(1e6 * latencySeconds).toFixed(1)} µs + ${(bytesPerSecond / 1e9).toFixed(2)} GB/s`;
    print(`fitted: 2 (N − 1) hops of ${fit}, off by at most a factor of ${worst.toFixed(1)}`);
  }
}

function keep(reports: readonly RankReport[], mpi: string, load: string): void {
  const { cpu, cores, node } = machine();
  const date = new Date().toISOString();
  const run = { date, commit: commit(), machine: `${cpu}, ${cores} cores, ${load} before`, software: `Node ${node}, ${mpi}` };
  const figures = reports.flatMap(({ ranks, threads, parameters, secondsPerStep, waitedPerStep, bytesPerStep, allReduce }): Figure[] => {
    const steps = {
      ...{ part: 'steps', name: `Mamba, ${values.layers} layers of ${values.hidden}, ${parameters} parameters` },
      ...{ batch: Number(values.batch), length: Number(values.length), processes: ranks, threads },
      ...{ rate: 1 / secondsPerStep, waited: waitedPerStep, bytes: bytesPerStep },
    };
    if (ranks === 1) return [steps];
    const { latencySeconds: latency, bytesPerSecond: bandwidth, worst } = fitCost(allReduce, ranks);
    const [bytes, seconds] = [allReduce.map((one) => one.bytes), allReduce.map((one) => one.seconds)];
    return [steps, { part: 'all-reduce', name: mpi, processes: ranks, bytes, seconds, latency, bandwidth, worst }];
  });
  keepMeasured(values.figures, { runs: [run], figures: figures.map((figure) => ({ ...figure, run: date })) });
}
