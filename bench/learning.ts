/**
 * `node scripts/run.mjs bench/learning.ts --out docs/learning/gutenberg RUN...`: what several runs of `densessm train` learned, from their
 * folders: a table on stdout, curves as OUT.svg (training loss, the mean of 50 steps; the held-out loss at the end as a dot) and the
 * numbers of both as OUT.json. A run is named FAMILY-lrRATE-sSEED; runs of a family share a colour.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseRecordLine } from '@densessm/train';
import { alignTable } from '../scripts/lib/table';

interface Learned {
  name: string;
  family: string;
  parameters: number;
  heldOut: [step: number, loss: number][];
  training: [step: number, loss: number][];
}

const STEPS_IN_A_MEAN = 50;
const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f', '#475569'];
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [760, 420, 56, 44] as const;

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
  const x = (step: number) => LEFT + (step / steps) * (WIDTH - LEFT - 150);
  const y = (loss: number) => 12 + ((high - Math.min(loss, high)) / (high - low)) * (HEIGHT - BOTTOM - 12);
  const families = [...new Set(runs.map(({ family }) => family))];
  const colour = (family: string) => COLOURS[families.indexOf(family) % COLOURS.length];
  const text = (left: number, top: number, words: string, rest = '') =>
    `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" ${rest}>${words}</text>`;
  const ticks = Array.from({ length: 6 }, (_, i) => low + ((high - low) * i) / 5);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#334155">`,
    `<title>Training losses of ${families.join(', ')}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    ...ticks.map(
      (loss) =>
        `<path d="M${LEFT} ${y(loss).toFixed(1)}H${x(steps)}" stroke="#e2e8f0"/>${text(LEFT - 8, y(loss) + 4, loss.toFixed(2), 'text-anchor="end"')}`,
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map((share) =>
      text(x(share * steps), HEIGHT - BOTTOM + 18, String(Math.round(share * steps)), 'text-anchor="middle"'),
    ),
    text(x(steps / 2), HEIGHT - 8, 'steps', 'text-anchor="middle"'),
    text(LEFT - 40, HEIGHT - 8, 'loss, nats per token'),
    ...runs.map(({ family, training, ...run }) => {
      const line = training.map(([step, loss]) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(' ');
      const dot = `<circle cx="${x(steps)}" cy="${y(lastLoss({ family, training, ...run })).toFixed(1)}" r="3" fill="${colour(family)}"/>`;
      return `<polyline points="${line}" fill="none" stroke="${colour(family)}" stroke-width="1.3" stroke-opacity="0.8"/>${dot}`;
    }),
    ...families.map(
      (family, i) =>
        `<rect x="${WIDTH - 138}" y="${14 + i * 20}" width="12" height="12" fill="${colour(family)}"/>${text(WIDTH - 120, 25 + i * 20, family)}`,
    ),
    '</svg>\n',
  ].join('\n');
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
