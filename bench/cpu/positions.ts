import { mkdirSync, writeFileSync } from 'node:fs';
import { drawChart } from '../../scripts/lib/line-chart';
import { RESULTS } from '../lib/results';
import { type Figure, type Speed, speedOf } from './figures';
import { folderOf, largeModels, type Measured } from './models';
import type { Options } from './options';
import { type ReaderProcess, startOurs } from './reader-process';
import { timesOf } from './rounds';
import { type Run, type Section, say } from './section';

/** Tokens that a model reads before it is the next one's turn. */
const TURN = 50;
const WINDOWS = 10;
const FAST_ENOUGH: Record<string, string> = { DenseRetNet: '≥ 50 tokens/s' };
const MEBIBYTE = 2 ** 20;

/** What one model took for a window of tokens after another, and the bytes that its process held after each. */
interface Course {
  name: string;
  windows: { speed: Speed; residentBytes: number }[];
}

export const positions: Section = {
  name: 'positions',
  what: 'tokens per second and memory as the text grows, about 350 million parameters each',
  measure: async (run) => {
    const { options } = run;
    const chosen = largeModels(options).filter(({ name }) => options.models.includes(name));
    const without = chosen.filter(({ model }) => model.decoder === undefined).map(({ name }) => name);
    if (without.length > 0) run.notes.add(`without a decoder yet, and left out of the positions: ${without.join(', ')}`);
    const courses = await readInTurns(
      run,
      chosen.filter(({ model }) => model.decoder !== undefined),
    );
    if (courses.length === 0) return [];
    run.details.positions = courses;
    run.notes.add(`tokens per second by position are drawn in ${drawCourses(courses, options)}`);
    return courses.flatMap((course) => figuresOf(course, options));
  },
};

async function readInTurns({ work, options }: Run, models: readonly Measured[]): Promise<Course[]> {
  const threads = Math.max(...options.threads);
  const readers: [Course, ReaderProcess][] = [];
  for (const model of models) {
    const reader = await startOurs(await folderOf(work, model), 'int8', threads, 'decode');
    readers.push([{ name: model.name, windows: [] }, reader]);
  }
  for (let window = 1; window <= WINDOWS; window++) {
    const taken = readers.map((): number[] => []);
    for (let read = 0; read < options.positions / WINDOWS; read += TURN)
      for (const [i, [, reader]] of readers.entries()) taken[i]?.push(await reader.ask(`decode ${TURN}`));
    for (const [i, [{ windows }, reader]] of readers.entries())
      windows.push({ speed: speedOf(TURN, timesOf(taken[i] ?? [])), residentBytes: await reader.ask('memory') });
    const now = readers.map(([{ name, windows }]) => `${name} ${windows.at(-1)?.speed.median.toFixed(1)}`);
    say(`to token ${(window * options.positions) / WINDOWS}, tokens/s at the median: ${now.join(', ')}`);
  }
  return readers.map(([course]) => course);
}

/** The second and the last of ten windows: with 10,000 tokens, 1,000 to 2,000 and 9,000 to 10,000. */
function figuresOf({ name, windows }: Course, { positions: size, threads }: Options): Figure[] {
  const [first, early, last] = [windows[0], windows[1], windows.at(-1)];
  if (first === undefined || early === undefined || last === undefined) return [];
  const between = (window: number) => `tokens ${(window * size) / WINDOWS} to ${((window + 1) * size) / WINDOWS}`;
  const figure = { section: 'positions', dtype: 'int8', threads: Math.max(...threads) };
  const bytes = (value: number): Speed => ({ best: value / MEBIBYTE, median: value / MEBIBYTE });
  return [
    { ...figure, what: `${name}, ${between(1)}`, unit: 'tokens/s', ours: early.speed, aim: FAST_ENOUGH[name] },
    {
      ...figure,
      what: `${name}, ${between(WINDOWS - 1)}`,
      unit: 'tokens/s',
      ours: last.speed,
      against: { name: between(1), speed: early.speed },
      aim: '≥ 0.97',
    },
    {
      ...figure,
      what: `${name}, resident at the end`,
      unit: 'MiB',
      ours: bytes(last.residentBytes),
      against: { name: `after ${size / WINDOWS} tokens`, speed: bytes(first.residentBytes) },
      aim: '≤ 1.02',
    },
  ];
}

function drawCourses(courses: readonly Course[], { positions: size, threads }: Options): string {
  const points = ({ windows }: Course) => windows.map(({ speed }, i) => [((i + 0.5) * size) / WINDOWS, speed.median] as const);
  const most = Math.max(...courses.flatMap(points).map(([, speed]) => speed));
  const chart = drawChart({
    title: `Average tokens per second by position: int8, batch 1, ${Math.max(...threads)} threads`,
    xLabel: 'position',
    yLabel: 'tokens/s',
    xMost: size,
    yRange: [0, 25 * Math.ceil(most / 25)],
    yDigits: 0,
    names: courses.map(({ name }) => name),
    curves: courses.map((course) => ({ name: course.name, points: points(course) })),
  });
  mkdirSync(RESULTS, { recursive: true });
  const file = new URL('cpu-tokens-per-second.svg', RESULTS);
  writeFileSync(file, chart);
  return file.pathname;
}
