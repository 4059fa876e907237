/**
 * `node scripts/run.mjs scripts/learning.ts --out docs/learning/gutenberg RUN...`: what several runs of `densessm train` learned, from their
 * folders: a table on stdout, curves as OUT.svg (training loss, the mean of 50 steps; the held-out loss at the end as a dot) and the
 * numbers of both as OUT.json. A run is named FAMILY-lrRATE-sSEED; runs of a family share a color.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseRecordLine } from '@densessm/train';
import { drawChart } from './lib/line-chart';
import { alignTable } from './lib/table';

interface Learned {
  name: string;
  family: string;
  parameters: number;
  heldOut: [step: number, loss: number][];
  training: [step: number, loss: number][];
}

const STEPS_IN_A_MEAN = 50;
function readRun(folder: string): Learned {
  const { parameters } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { parameters: number };
  const learned: Learned = {
    name: basename(folder),
    family: basename(folder).replace(/(-lr[\d.e-]+)?-s\d+$/, ''),
    parameters,
    heldOut: [],
    training: [],
  };
  let losses: number[] = [];
  for (const line of readFileSync(join(folder, 'log.jsonl'), 'utf8').split('\n')) {
    const record = parseRecordLine(line);
    if (record?.type === 'evaluation') learned.heldOut.push([record.step, round(record.loss)]);
    if (record?.type !== 'step' || record.skipped) continue;
    losses.push(record.loss);
    if (losses.length < STEPS_IN_A_MEAN) continue;
    learned.training.push([record.step + 1, round(losses.reduce((sum, loss) => sum + loss, 0) / losses.length)]);
    losses = [];
  }
  return learned;
}

const round = (loss: number): number => Number(loss.toFixed(4));
const lastLoss = ({ heldOut }: Learned): number => heldOut.at(-1)?.[1] ?? Number.NaN;

function drawCurves(runs: readonly Learned[]): string {
  const points = runs.flatMap(({ training }) => training);
  const steps = Math.max(...points.map(([step]) => step));
  const low = Math.floor(Math.min(...points.map(([, loss]) => loss), ...runs.map(lastLoss)) * 5) / 5;
  const high = Math.ceil(Math.max(...points.filter(([step]) => step > steps / 12).map(([, loss]) => loss)) * 5) / 5;
  const names = [...new Set(runs.map(({ family }) => family))];
  return drawChart({
    title: `Training losses of ${names.join(', ')}`,
    xLabel: 'steps',
    yLabel: 'loss, nats per token',
    xMost: steps,
    yRange: [low, high],
    yDigits: 2,
    names,
    curves: runs.map((run) => ({ name: run.family, points: run.training, dot: lastLoss(run) })),
  });
}

const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const runs = positionals.map(readRun).sort((a, b) => a.name.localeCompare(b.name, 'en'));
if (runs.length === 0) throw new Error('name the folders of the runs');
const rows = runs.map((run) => [
  run.name,
  run.parameters.toLocaleString('en'),
  String(run.heldOut.at(-1)?.[0] ?? ''),
  lastLoss(run).toFixed(4),
]);
process.stdout.write(`${alignTable([['run', 'parameters', 'steps', 'held-out loss'], ...rows]).join('\n')}\n`);
if (values.out !== undefined) {
  writeFileSync(`${values.out}.svg`, drawCurves(runs));
  writeFileSync(`${values.out}.json`, `${JSON.stringify(runs)}\n`);
}
