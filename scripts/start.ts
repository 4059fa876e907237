/**
 * `npm start`: trains a small DenseMamba and a Mamba of the same sizes on the same stories, in the same batches from the same seed, and
 * shows what they learned. Both are `densessm train`, a process each; a run that was broken off goes on. `npm start -- --max-steps 100`
 * passes more flags on to both.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import type { RunRecord, SampleRecord } from '@densessm/train';
import { writeReport } from '../apps/trainer/src/report/write-report';
import { startTraining, type TrainingProcess } from '../apps/trainer/src/run/training-process';
import { readLog } from '../apps/trainer/src/run-folder/log-file';
import { type RunInfo, readRunInfo, stateOf } from '../apps/trainer/src/run-folder/run-info';
import { PRESETS } from '../apps/trainer/src/settings/presets';
import { bar, duration, StatusLine, shortCount } from '../apps/trainer/src/view/progress';
import { root } from './lib/command.mjs';
import { programFor } from './lib/program-for';
import { alignTable, paint } from './lib/table';

const MODELS = ['dense-mamba', 'mamba'] as const;
type Model = (typeof MODELS)[number];

const folderOf = (model: Model): string => join(root, 'out', `stories-${model}`);
/** Continues a text with the model that was trained. */
const PROGRAM = join(root, 'out', 'continue.mjs');
const INTERRUPTED = 130;
const CLI = join(root, 'apps', 'trainer', 'src', 'cli.ts');
/** Aborted by the first signal: both runs save, and end. */
const interrupts = new AbortController();

/** How far both are. */
class Watch {
  readonly #status = process.stderr.isTTY ? new StatusLine(process.stderr) : undefined;
  readonly #runs = new Map<Model, { step: number; loss: number; seconds: number; tokens: number }>();
  readonly #started = performance.now();

  constructor(public steps: number) {}

  note(model: Model, record: RunRecord): void {
    if (record.type === 'step') {
      const before = this.#runs.get(model);
      const mix = (now: number, then: number | undefined): number => (then === undefined ? now : 0.95 * then + 0.05 * now);
      const { step, loss, seconds, tokens } = record;
      this.#runs.set(model, { step: step + 1, loss: mix(loss, before?.loss), seconds: mix(seconds, before?.seconds), tokens });
      this.#status?.show(this.#line());
    }
    if (record.type === 'evaluation')
      this.say(`${model.padEnd(11)}  step ${String(record.step).padStart(3)}  held-out loss ${record.loss.toFixed(3)}`);
  }

  say(line: string): void {
    if (this.#status) this.#status.print(line);
    else process.stderr.write(`${line}\n`);
  }

  prepare(line: string): void {
    if (this.#status) this.#status.show(line);
    else process.stderr.write(`${line}\n`);
  }

  end(): void {
    this.#status?.clear();
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #line(): string {
    const runs = [...this.#runs];
    const done = runs.reduce((sum, [, { step }]) => sum + step, 0) / (MODELS.length * this.steps);
    const speed = runs.filter(([, { step }]) => step < this.steps).reduce((sum, [, { tokens, seconds }]) => sum + tokens / seconds, 0);
    const left = Math.max(0, ...runs.map(([, { step, seconds }]) => (this.steps - step) * seconds));
    const each = runs.map(([model, { step, loss }]) => `${model} ${step}/${this.steps} loss ${loss.toFixed(2)}`);
    return [bar(done, 16), ...each, `${Math.round(speed).toLocaleString('en')} tokens/s`, `${duration(left)} left`].join('  ');
  }
}

/** Starts one run, or goes on with it where an earlier `npm start` was broken off. */
async function start(model: Model, watch: Watch, threads: number): Promise<TrainingProcess> {
  const folder = folderOf(model);
  const info = await readRunInfo(folder).catch(() => undefined);
  const goesOn = info !== undefined && info.step > 0 && ['interrupted', 'killed'].includes(await stateOf(folder, info));
  if (goesOn) watch.say(`${model.padEnd(11)}  goes on after ${info.step} steps`);
  const how = goesOn ? ['--init-from', 'resume'] : ['--preset', 'stories', '--model', model, '--overwrite'];
  const training = startTraining([...how, '--out-dir', folder, '--threads', String(threads), ...process.argv.slice(2)], {
    self: [process.execPath, ...process.execArgv, CLI],
    cwd: root,
    onRecord: (record) => watch.note(model, record),
  });
  interrupts.signal.addEventListener('abort', () => training.stop());
  if (interrupts.signal.aborted) training.stop();
  return training;
}

async function trainBoth(watch: Watch): Promise<number> {
  watch.prepare('making the stories, and turning them into tokens');
  const [dense, plain] = MODELS;
  const cores = availableParallelism();
  const threads = Math.max(1, Math.floor(cores / 2)); // for each of the two
  const first = await start(dense, watch, threads);
  const plan = await first.planned; // the second finds the tokens in the cache
  watch.steps = plan?.maxSteps ?? watch.steps;
  if (cores < 2) await first.ended; // they would only be in each other's way
  const second = await start(plain, watch, threads);
  const results = await Promise.all([first.ended, second.ended]);
  watch.end();
  const failed = results.filter(({ code }) => code !== 0 && code !== INTERRUPTED);
  for (const { errors } of failed) process.stderr.write(errors);
  return failed.length > 0 ? (failed[0]?.code ?? 1) : Math.max(...results.map(({ code = 1 }) => code));
}

interface Outcome {
  readonly model: Model;
  readonly info: RunInfo;
  readonly last: SampleRecord | undefined;
}

function report(outcomes: readonly Outcome[], seconds: number): void {
  const say = (line = ''): void => void process.stdout.write(`${line}\n`);
  const rows = outcomes.map(({ model, info }) => {
    const loss = info.best?.loss ?? Number.NaN;
    return [model, shortCount(info.parameters), String(info.step), loss.toFixed(4), Math.exp(loss).toFixed(3)];
  });
  say();
  for (const line of alignTable([['model', 'parameters', 'steps', 'held-out loss', 'perplexity'], ...rows])) say(line);
  for (const { model, last } of outcomes) {
    say(`\n${model} goes on with ${JSON.stringify(last?.prompt ?? '')}:`);
    say(paint('green', `  ${(last?.text ?? '').trim().replaceAll('\n', '\n  ')}`));
  }
  say(`\nruns     ${MODELS.map(folderOf).join('\n         ')}`);
  say(`report   ${join(root, 'out', 'report.html')}`);
  say(`took     ${duration(seconds)}`);
  say(`next     npm run densessm -- generate out/stories-dense-mamba --prompt "Once"`);
  say('         npm run densessm -- train --help');
  say(`         npm run program -- ${relative(root, PROGRAM)}`);
  say(`\n${programFor(folderOf('dense-mamba'))}`);
}

/** What the two runs must differ in, or agree on. */
const OWN_FLAGS = /^--(model|out[-_]dir|name|init[-_]from|overwrite|threads|json)(=|$)/;

async function main(): Promise<number> {
  const own = process.argv.slice(2).find((word) => OWN_FLAGS.test(word));
  if (own !== undefined) {
    process.stderr.write(`npm start decides ${own.split('=', 1)[0]} itself; for a run of your own: npm run densessm -- train --help\n`);
    return 2;
  }
  const watch = new Watch(PRESETS.stories?.settings.maxSteps ?? 0);
  process.stdout.write(
    `\nTrains a small DenseMamba and a Mamba of the same sizes on made-up stories. About three minutes on two cores.\n\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => interrupts.abort());
  const code = await trainBoth(watch);
  if (code === INTERRUPTED) process.stderr.write('\ninterrupted; both runs are saved, and npm start goes on with them\n');
  if (code !== 0) return code;
  const outcomes: Outcome[] = [];
  for (const model of MODELS) {
    const info = await readRunInfo(folderOf(model));
    if (info) outcomes.push({ model, info, last: await lastSample(folderOf(model)) });
  }
  await writeReport(MODELS.map(folderOf), join(root, 'out', 'report.html'));
  await writeFile(PROGRAM, programFor(folderOf('dense-mamba')));
  report(outcomes, watch.seconds);
  return 0;
}

async function lastSample(folder: string): Promise<Outcome['last']> {
  const records = await readLog(folder);
  return records.filter((record) => record.type === 'sample').at(-1);
}

process.exitCode = await main();
