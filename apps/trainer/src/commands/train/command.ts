import { join } from 'node:path';
import type { Command } from 'commander';
import { EXIT, Exit, Interrupted, type Io } from '../../io';
import { relativePath } from '../../output/paths';
import type { RunInfo } from '../../run-folder/run-info';
import { addSettingFlags, settingsOf } from '../../settings/flags';
import { PRESETS } from '../../settings/presets';
import { givenSettings } from '../../settings/resolve';
import { MODELS } from '../../settings/table';
import { duration } from '../../view/progress';
import type { Register } from '../index';
import { loadPlugins, onlyModel } from '../plugins';

const DESCRIPTION = `Trains a model on text and keeps everything about it in one folder: checkpoints, log, samples, a report.

A run that was interrupted or killed continues with --init-from resume, to the bit as if nothing had happened.
Ctrl-C, SIGTERM, SIGHUP and SIGQUIT end a run after the step at hand and save it.`;

const presets = Object.entries(PRESETS).map(([name, { about }]) => `  ${name.padEnd(30)} ${about}`);
const AFTER = `
Presets:
${presets.join('\n')}

Examples:
  $ densessm train                                             a small DenseMamba on the built-in stories
  $ densessm train --data book.txt --model mamba --max-steps 5000
  $ densessm train --data notes/ --tokenizer bpe --vocab-size 2048 --block-size 256
  $ densessm train --config run.yaml --learning-rate 3e-4      flags win over the file, the file over a preset
  $ densessm train --out-dir out/book-mamba --init-from resume --max-steps 8000
  $ densessm train --init-from out/book-mamba --data letters.txt --name letters
  $ densessm train --plugin ./my-model.js --hidden-size 64         a model of your own, see the README of @densessm/trainer`;

/** `densessm train` */
export const registerTrain: Register = (program: Command, io: Io): void => {
  const command = program
    .command('train')
    .summary('train a model on text')
    .description(DESCRIPTION)
    .option('--config <file>', 'settings from a YAML or JSON file, under the names of the flags')
    .option('--preset <name>', 'start from settings that belong together, see below')
    .option('--break-lock', 'take the folder of a run whose process counts as alive, though you know that it has ended')
    .option('--requeue', 'continue where the folder holds a checkpoint, else begin; ended by a signal, the run exits with 75')
    .option('--json', 'write every record, and the result at the end, as a line of JSON on stdout');
  addSettingFlags(command);
  command.addHelpText('after', AFTER).action((options) => train(options, program.args, io));
};

interface TrainOptions extends Record<string, unknown> {
  readonly config?: string;
  readonly preset?: string;
  readonly json?: boolean;
  readonly breakLock?: boolean;
  readonly requeue?: boolean;
}

async function train(options: TrainOptions, command: readonly string[], io: Io): Promise<void> {
  const flags = settingsOf(options);
  const given = await givenSettings({ flags, preset: options.preset, configFile: options.config }, io.cwd, (plugins, named) =>
    ownModel(plugins, named, io),
  );
  if (given.model !== undefined) await requireModel(given.model, io);
  const { joinRanks } = await import('../../run/ranks');
  const world = await joinRanks(given, io);
  // A sweep may have ended before its run is here: the folder is left to whoever comes next.
  if (world === undefined && io.signal.aborted) throw new Interrupted('\ninterrupted before the first step');
  const { rankRun } = await import('../../run/rank-run');
  const run = await rankRun(given, io, options, world);
  const { runView } = await import('../../view/run-view');
  const own = world && world.rank > 0 ? unheard(io) : io;
  const view = runView(own, { json: options.json === true, logInterval: run.settings.logInterval });
  const { trainRun } = await import('../../run/train-run'); // TensorFlow.js takes its time; --help need not wait for it
  const { info, finished, folder } = await trainRun(run, command, own, view)
    .finally(() => run.lock.release())
    .catch((error: unknown) => {
      throw options.requeue && error instanceof Interrupted ? new Exit(EXIT.requeue) : error;
    });
  await world?.close();
  if (info === undefined) {
    if (finished) return;
    throw new Exit(options.requeue ? EXIT.requeue : EXIT.interrupted);
  }
  await tellEnd({ info, finished, folder }, options, io);
}

interface End {
  readonly info: RunInfo;
  readonly finished: boolean;
  readonly folder: string;
}

async function tellEnd({ info, finished, folder }: End, { json, requeue }: TrainOptions, io: Io): Promise<void> {
  if (json)
    io.stdout.write(
      `${JSON.stringify({ type: 'result', folder, state: info.state, step: info.step, loss: info.loss, best: info.best })}\n`,
    );
  const place = relativePath(io.cwd, folder);
  if (!finished && requeue) {
    io.stderr.write(`\ninterrupted after ${info.step} steps; saved, to be started again\n`);
    throw new Exit(EXIT.requeue);
  }
  if (!finished) throw new Interrupted(farewell(info, place));
  if (json) return;
  const { readReportRun, terminalSummary } = await import('../../report/index');
  const curves = terminalSummary(await readReportRun(folder), io.stdout.columns);
  io.stdout.write(`${[...curves, ...summary(info, place)].join('\n')}\n`);
}

/** Nobody listens to a process that others speak for. */
function unheard(io: Io): Io {
  const { stdin, env, cwd, self, models } = io;
  const silent = { write: () => true };
  return {
    ...{ stdin, env, cwd, self, models, stdout: silent, stderr: silent },
    get signal() {
      return io.signal;
    },
  };
}

/** What the plugins stand for; a model that was named besides is not looked for among theirs alone. */
async function ownModel(plugins: readonly string[], named: string | undefined, io: Io): Promise<string | undefined> {
  const brought = await loadPlugins(plugins, io);
  return named ?? onlyModel(brought);
}

/** @throws SsmError OPTION for a name that is none, before there is a folder */
async function requireModel(name: string, io: Io): Promise<void> {
  if ((MODELS as readonly string[]).includes(name)) return;
  const { modelNamed } = await import('../../model/families');
  modelNamed(name, io);
}

/** What a later command needs to know the model. */
const pluginFlags = ({ settings }: RunInfo): string => (settings.plugin ?? []).map((one) => ` --plugin ${one}`).join('');

function farewell(info: RunInfo, place: string): string {
  const { step } = info;
  if (step === 0) return '\ninterrupted before the first step';
  return `\ninterrupted after ${step} steps; saved. Go on with:\n  densessm train --out-dir ${place} --init-from resume${pluginFlags(info)}`;
}

function summary(info: RunInfo, place: string): string[] {
  const best = info.best === null ? '' : `, held-out loss at best ${info.best.loss.toFixed(4)} (step ${info.best.step})`;
  return [
    `done     ${info.step} steps in ${duration(info.seconds)}${best}`,
    `report   ${join(place, 'report.html')}`,
    `next     densessm generate ${place}${pluginFlags(info)} --prompt "…"`,
  ];
}
