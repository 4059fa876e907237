/** One run of `densessm train`, from settings to the last checkpoint. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { LoadedModel } from '@densessm/checkpoint';
import { tell } from '@densessm/distributed';
import { countParams, SsmError } from '@densessm/ssm-core';
import { gateStatistics, type TrainingState } from '@densessm/train';
import manifest from '../../package.json' with { type: 'json' };
import { Interrupted, type Io } from '../io';
import { formatCount } from '../output/numbers';
import { writeReport } from '../report/write-report';
import { writeCheckpoint } from '../run-folder/checkpoint';
import { BEST, CHECKPOINT, REPORT } from '../run-folder/names';
import { type RunInfo, writeRunInfo } from '../run-folder/run-info';
import type { CourseState, TrainingNotes } from '../run-folder/training-notes';
import type { Settings } from '../settings/table';
import { shortCount, smoothed } from '../view/progress';
import type { RunView } from '../view/run-view';
import { acrossLosses } from './after-loss';
import { describePlan, estimateRun, planOf } from './estimate';
import { evaluationOf, followRun } from './follow';
import { clearRun, type OpenRun } from './open-run';
import { type AnyTrainer, openTrainer } from './open-trainer';
import { RunOutputs } from './outputs';
import { type Prepared, prepareRun, samplerOf } from './prepare';
import { agree, type Choice, describeRanks, inTurn, requireSameData, shareState, threadsPerRank, together } from './ranks';
import { modelFiles, notesOf, readTrainingState, requireSameText, trainingFiles } from './restore';
import { drawSample, promptFrom } from './sample';
import { type CourseParts, runCourse } from './training';

export interface RunResult {
  readonly folder: string;
  /** Undefined on every rank but the first, which writes. */
  readonly info: RunInfo | undefined;
  readonly finished: boolean;
}

/**
 * Trains until all steps are done or `io.signal` says stop; either way the state is saved and can be resumed. Where the GPU's device is lost, the run
 * goes on from its checkpoint.
 * @throws SsmError for whatever cannot be; what was saved before stays
 */
export function trainRun(run: OpenRun, command: readonly string[], io: Io, view: RunView): Promise<RunResult> {
  io.signal.addEventListener('abort', () => view.say('stopping; Ctrl-C again quits without saving'), { once: true });
  return acrossLosses(run, view, (now, onBegin) => trainOn(now, { command, io, view, onBegin }));
}

interface TrainingCall {
  readonly command: readonly string[];
  readonly io: Io;
  readonly view: RunView;
  /** Called once the folder holds this run. */
  readonly onBegin: () => void;
}

/** On one device. */
async function trainOn(run: OpenRun, call: TrainingCall): Promise<RunResult> {
  const { world, settings } = run;
  const { io, view } = call;
  const threads = settings.threads ?? (world && threadsPerRank(world));
  const prepared = await inTurn(world, () => prepareRun({ ...settings, threads }, io, view)).catch((error: unknown) => {
    view.end();
    throw io.signal.aborted ? new Interrupted('\ninterrupted before the first step') : error;
  });
  try {
    const { state, notes } = await startOf(run, prepared);
    const trainer = openTrainer(settings, prepared, { state, world });
    try {
      if (world && world.rank > 0) {
        const finished = await followRun(trainer, run, prepared, { world, signal: io.signal, notes });
        return { folder: run.folder, finished, info: undefined };
      }
      return await new TrainingRun(run, prepared, trainer, call).go(io.signal);
    } finally {
      trainer.dispose();
    }
  } finally {
    view.end();
    await prepared.data.close();
  }
}

/** What a run continues from, on every rank: rank 0 has read it. */
async function startOf({ world, resumed }: OpenRun, { data, loaded }: Prepared): Promise<{ state?: TrainingState; notes?: TrainingNotes }> {
  const read = async () => {
    if (resumed === undefined) return undefined;
    const state = await readTrainingState(resumed.checkpoint, loaded); // compares the hashes of all files first
    await requireSameText(resumed.checkpoint, resumed.info, data);
    return state;
  };
  const notes = resumed && notesOf(resumed.checkpoint);
  if (world === undefined) return { state: await read(), notes };
  await requireSameData(world, data);
  const own = await together(world, read);
  const told = await tell(world, notes === undefined ? null : notes);
  return told === null ? {} : { state: await shareState(world, own), notes: told };
}

/** Between two reports of a run under way: reading a long log takes a second. */
const REPORT_EVERY_MS = 20_000;

class TrainingRun {
  readonly #started = performance.now();
  readonly #created = new Date().toISOString();
  readonly #loss = smoothed();
  #reportedAt = Number.NEGATIVE_INFINITY;
  #lastLoss: number | null = null;
  #course: CourseState | undefined;

  constructor(
    readonly run: OpenRun,
    readonly prepared: Prepared,
    readonly trainer: AnyTrainer,
    readonly call: TrainingCall,
  ) {}

  get view(): RunView {
    return this.call.view;
  }

  async go(signal: AbortSignal): Promise<RunResult> {
    const { run, trainer, view } = this;
    const { folder, settings } = run;
    this.#describe();
    await this.#estimate();
    await run.lock.check();
    if (run.replaces) await clearRun(folder);
    const info = this.#info('running');
    await writeRunInfo(folder, info);
    this.call.onBegin();
    const outputs = await RunOutputs.open(folder, {
      lock: run.lock,
      step: trainer.steps,
      observedAt: this.#course?.observedAt ?? -1,
      config: { ...settings, ...info.config },
    });
    view.start(trainer.steps, settings.maxSteps, this.#course?.best?.loss);
    try {
      const { finished, state } = await runCourse(await this.#parts(outputs, signal), this.#course);
      this.#course = state;
      return { folder, info: await this.#note(finished ? 'finished' : 'interrupted'), finished };
    } catch (error) {
      await this.#saveAlone(error);
      // The disk may be full, the folder gone, about to go or another's; the first error counts.
      await outputs
        .check()
        .then(() => this.#note('failed'))
        .catch(() => undefined);
      throw error;
    } finally {
      await outputs.close();
    }
  }

  /** What is trained on what, in a few lines. */
  #describe(): void {
    const { settings, resumed, folder } = this.run;
    const { model, config } = this.prepared.loaded;
    const { summary } = this.prepared.data;
    const parameters = shortCount(countParams(model.spec(config)));
    this.view.say(
      `data     ${summary.sources.join(', ')}: ${formatCount(summary.trainTokens)} tokens to train on, ${formatCount(summary.validationTokens)} held out`,
    );
    this.view.say(
      `model    ${model.modelType}: ${parameters} parameters, a vocabulary of ${formatCount(summary.vocabSize)} (${summary.tokenizer})`,
    );
    if (this.run.world) this.view.say(`ranks    ${describeRanks(this.run.world, settings)}`);
    this.view.say(`folder   ${folder}`);
    if (resumed === undefined) return;
    const notes = notesOf(resumed.checkpoint);
    this.#course = notes.course;
    this.view.say(`resumes  after ${this.trainer.steps} of ${settings.maxSteps} steps`);
  }

  /** @throws SsmError BACKEND where it does not fit into memory */
  async #estimate(): Promise<void> {
    const { settings } = this.run;
    const { data, loaded, backend } = this.prepared;
    const left = settings.maxSteps - this.trainer.steps;
    if (left <= 0) return;
    this.view.prepare('plan     trying a batch');
    const batchOf = (sizes: Pick<Settings, 'batchSize' | 'blockSize'>) => samplerOf(data.train, { ...settings, ...sizes }).batch(0, 0);
    const estimate = await estimateRun(loaded, this.trainer, batchOf, backend.backend, settings);
    const evaluations = 1 + (settings.evalInterval > 0 ? Math.floor(left / settings.evalInterval) : 0);
    const plan = planOf(estimate, settings.maxSteps, left, evaluations * this.#evaluationBatches());
    this.view.plan(`plan     ${describePlan(plan, estimate)}`, plan);
  }

  #evaluationBatches(): number {
    const { batchSize, blockSize, evalIters } = this.run.settings;
    const all = Math.ceil(this.prepared.data.validation.length / (batchSize * blockSize * (this.run.world?.size ?? 1)));
    return evalIters === 0 ? all : Math.min(evalIters, all);
  }

  async #parts(outputs: RunOutputs, signal: AbortSignal): Promise<CourseParts> {
    const { run, prepared, trainer, view } = this;
    const { settings, folder } = run;
    const { data, loaded } = prepared;
    const { blockSize, seed } = settings;
    const { world } = run;
    const prompt = settings.samplePrompt ?? (await promptFrom(data.validation, data.tokenizer));
    const now = (): LoadedModel => ({ ...loaded, params: trainer.params });
    const looked = await data.validation.read(0, Math.min(blockSize, data.validation.length));
    return {
      trainer,
      settings,
      evaluation: evaluationOf(data, run),
      ...(world && { agree: (own: Choice) => agree(world, own) }),
      signal,
      sample: (step) => drawSample({ ...now(), tokenizer: data.tokenizer }, prompt, step, seed),
      gates: async (step) => {
        const gates = await gateStatistics(loaded.model, trainer.params, loaded.config, [[...looked]]);
        return gates.length > 0 ? { type: 'gates', step, gates, wallTime: Date.now() / 1000 } : undefined;
      },
      record: async (record) => {
        if (record.type === 'step' && !record.skipped) this.#lastLoss = this.#loss(record.loss);
        await outputs.write(record);
        view.record(record);
      },
      saveCheckpoint: async (course) => {
        this.#course = course;
        await run.lock.check();
        await outputs.sync();
        await this.#write(await trainer.save(), course);
        await this.#note('running');
      },
      saveBest: async (best) => {
        await run.lock.check();
        await writeCheckpoint(join(folder, BEST), modelFiles(now(), data.tokenizer), { ...best });
      },
      now: () => performance.now(),
    };
  }

  async #write(state: TrainingState, course: CourseState): Promise<void> {
    const { loaded, data } = this.prepared;
    const notes: TrainingNotes = { counters: state.counters, course, seconds: this.#seconds() };
    const files = trainingFiles({ ...loaded, params: this.trainer.params }, data.tokenizer, state);
    await writeCheckpoint(join(this.run.folder, CHECKPOINT), files, { ...notes });
  }

  /** Where the others are not heard from any more, what this process has is saved; with carried states it lacks those of the others. */
  async #saveAlone(error: unknown): Promise<void> {
    const { trainer, run, view } = this;
    const isSilence = error instanceof SsmError && error.code === 'NETWORK';
    if (!isSilence || run.world === undefined || run.settings.carryState || !trainer.isWhole || trainer.steps === 0) return;
    await run.lock.check();
    await this.#write(await trainer.save({ alone: true }), this.#course ?? { observedAt: -1, best: null });
    view.say(`saved after ${trainer.steps} steps`);
  }

  /** run.json and, now and then, the report, after what they tell of is safe. */
  async #note(state: RunInfo['state']): Promise<RunInfo> {
    const { folder } = this.run;
    const info = this.#info(state);
    await writeRunInfo(folder, info);
    if (state !== 'running' || performance.now() - this.#reportedAt > REPORT_EVERY_MS) {
      await writeReport([folder], join(folder, REPORT));
      this.#reportedAt = performance.now();
    }
    return info;
  }

  #seconds(): number {
    const { resumed } = this.run;
    const before = resumed ? notesOf(resumed.checkpoint).seconds : 0;
    return before + (performance.now() - this.#started) / 1000;
  }

  #info(state: RunInfo['state']): RunInfo {
    const { run, prepared, trainer } = this;
    const { model, config } = prepared.loaded;
    return {
      format: 'densessm-run-1',
      name: run.name,
      state,
      command: this.call.command,
      created: run.resumed?.info.created ?? this.#created,
      updated: new Date().toISOString(),
      process: { host: hostname(), pid: process.pid },
      versions: { densessm: manifest.version, node: process.versions.node },
      backend: prepared.backend.reason,
      ranks: run.began.ranks,
      settings: {
        ...run.settings,
        initFrom: run.resumed?.info.settings.initFrom ?? run.settings.initFrom,
        batchSize: run.began.batchSize,
        gradientAccumulationSteps: run.began.gradientAccumulationSteps,
      },
      config: model.configToJson(config),
      parameters: countParams(model.spec(config)),
      data: prepared.data.summary,
      step: trainer.steps,
      loss: this.#lastLoss,
      best: this.#course?.best ?? null,
      seconds: this.#seconds(),
    };
  }
}
