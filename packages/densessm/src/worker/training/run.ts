/**
 * A run in the worker. What belongs to the state after n steps (evaluation, sample, gates) is made before the checkpoint of n steps, so that whoever goes
 * on from there repeats nothing and misses nothing.
 */
import { toSent } from '@densessm/runtime-web/messages';
import type { StepRecord } from '@densessm/train';
import { TrainingLog } from '../../training-log';
import type { TrainingFacts, TrainingState, Twin, TwinStep } from '../../web/worker-training';
import type { OpenedRun, SentTrainingEvent } from '../commands';
import { OneAtATime } from '../one-at-a-time';
import { MovingAverage } from './moving-average';
import { Pace } from './pace';
import type { RunNotes, RunStore } from './store';
import type { PerTwin, TwinTrainers } from './twins';

export interface RunParts {
  readonly facts: TrainingFacts;
  readonly twins: TwinTrainers;
  /** Undefined where nothing can be kept. */
  readonly store: RunStore | undefined;
  readonly kept: Pick<RunNotes, 'stories' | 'textName' | 'tokenizer'>;
  readonly from?: Pick<RunNotes, 'observedAt' | 'isOver' | 'averages' | 'events'>;
}

export class WorkerRun {
  readonly #parts: RunParts;
  readonly #turns = new OneAtATime();
  readonly #listeners = new Set<(event: SentTrainingEvent) => void>();
  readonly #log: TrainingLog;
  readonly #averages: ReadonlyMap<Twin, MovingAverage>;
  readonly #pace = new Pace();
  #state: TrainingState = 'paused';
  #observedAt: number;
  #savedAt = performance.now();
  #isDisposed = false;
  #hasWarned = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#log = new TrainingLog(parts.from?.events);
    this.#averages = new Map(parts.facts.twins.map((twin) => [twin, new MovingAverage(parts.from?.averages[twin])]));
    this.#observedAt = parts.from?.observedAt ?? -1;
    if (parts.from?.isOver) this.#state = parts.twins.steps >= parts.facts.maxSteps ? 'finished' : 'stopped';
  }

  get twins(): TwinTrainers {
    return this.#parts.twins;
  }

  opened(): OpenedRun {
    return { facts: this.#parts.facts, state: this.#state, step: this.twins.steps, events: this.#log.events };
  }

  /** Hears every event until the signal says stop, or the run is disposed of. */
  watch(listener: (event: SentTrainingEvent) => void, signal: AbortSignal): Promise<void> {
    this.#listeners.add(listener);
    return new Promise((resolve) => {
      const end = (): void => {
        this.#listeners.delete(listener);
        resolve();
      };
      signal.addEventListener('abort', end);
      this.#ended.push(end);
    });
  }
  readonly #ended: (() => void)[] = [];

  /** Does something between two steps. */
  between<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#turns.run(work);
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#become('running');
    void this.#go();
  }

  async pause(): Promise<void> {
    if (this.#state === 'running') this.#become('paused');
    await this.between(() => this.#saveIfKept());
  }

  async step(): Promise<void> {
    if (this.#state === 'running') this.#become('paused');
    await this.#turn(() => this.#state === 'paused');
  }

  async stop(): Promise<void> {
    if (this.#state === 'finished' || this.#state === 'failed') return;
    this.#become('stopped');
    await this.between(() => this.#saveIfKept());
  }

  /** Keeps a checkpoint; bytes written. @throws SsmError FILE */
  save(): Promise<number> {
    return this.between(() => this.#save());
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    if (this.#state === 'running') this.#state = 'paused';
    await this.between(() => this.twins.dispose());
    for (const end of this.#ended) end();
  }

  async #go(): Promise<void> {
    while (this.#state === 'running') await this.#turn(() => this.#state === 'running');
  }

  /** Whatever comes next: an evaluation that is due, or a step. An error ends the run, which says so. */
  #turn(isWanted: () => boolean): Promise<void> {
    return this.between(async () => {
      if (this.#isDisposed || !isWanted()) return;
      try {
        await this.#advance();
      } catch (error) {
        this.#become('failed', error);
      }
    });
  }

  async #advance(): Promise<void> {
    const { maxSteps, options } = this.#parts.facts;
    if (this.#observedAt !== this.twins.steps) await this.#observe(this.twins.steps >= maxSteps);
    if (this.twins.steps < maxSteps) await this.#step();
    const isLast = this.twins.steps >= maxSteps;
    if (isLast) await this.#observe(true);
    const isDue = options.saveIntervalMs > 0 && performance.now() - this.#savedAt >= options.saveIntervalMs;
    if (isLast) this.#become('finished');
    if (isLast || isDue) await this.#saveIfKept();
  }

  async #step(): Promise<void> {
    const { batchSize, blockSize } = this.#parts.facts.options;
    const records = await this.twins.step();
    const [first] = Object.values(records);
    if (!first) return;
    this.#pace.step(Object.values(records).reduce((sum, { seconds }) => sum + seconds, 0));
    const { step, learningRate } = first;
    const tokens = batchSize * blockSize * Object.keys(records).length;
    const secondsLeft = this.#pace.secondsLeft(step + 1, this.#parts.facts.options);
    this.#tell({
      type: 'step',
      step,
      learningRate,
      twins: mapped(records, (record, twin) => this.#stepOf(record, twin)),
      tokensPerSecond: tokens / this.#pace.secondsPerStep,
      secondsLeft,
    });
  }

  #stepOf({ loss, gradNorm, seconds, skipped }: StepRecord, twin: Twin): TwinStep {
    return { loss, smoothed: this.#averages.get(twin)?.add(loss) ?? loss, gradNorm, seconds, skipped };
  }

  /** Evaluation, gates and samples where they are due. */
  async #observe(isLast: boolean): Promise<void> {
    const { facts } = this.#parts;
    const { evalInterval, sampleInterval } = facts.options;
    const step = this.twins.steps;
    if (this.#observedAt === step) return;
    const began = performance.now();
    const isEvaluated = isLast || isMultiple(step, evalInterval);
    const isSampled = isLast || (step > 0 && isMultiple(step, sampleInterval));
    if (isEvaluated) {
      this.#tell({ type: 'evaluation', step, losses: await this.twins.evaluate() });
      const gates = await this.twins.gates();
      if (gates.length > 0) this.#tell({ type: 'gates', step, gates });
    }
    if (isSampled) {
      const texts: PerTwin<string> = {};
      for (const twin of facts.twins) texts[twin] = await this.twins.sample(twin, facts.samplePrompt);
      this.#tell({ type: 'sample', step, prompt: facts.samplePrompt, texts });
    }
    this.#observedAt = step;
    if (isEvaluated || isSampled) this.#pace.pause((performance.now() - began) / 1000);
  }

  async #saveIfKept(): Promise<void> {
    if (this.#parts.facts.options.saveIntervalMs === 0 || this.#isDisposed) return;
    await this.#save().catch((error: unknown) =>
      this.#tell({ type: 'notice', message: String((error as Error).message).split('\n')[0] ?? '' }),
    );
  }

  async #save(): Promise<number> {
    const { store, kept, facts } = this.#parts;
    if (!store) return this.#warn();
    const step = this.twins.steps;
    const isOver = this.#state === 'finished' || this.#state === 'stopped';
    const averages = Object.fromEntries([...this.#averages].map(([twin, average]) => [twin, average.soFar]));
    const { events } = this.#log;
    const notes: RunNotes = { ...kept, settings: facts.options, observedAt: this.#observedAt, isOver, averages, events };
    const bytes = await store.save(notes, await this.twins.save(), step);
    this.#savedAt = performance.now();
    this.#tell({ type: 'saved', step, bytes });
    return bytes;
  }

  /** Says once that nothing is kept; no bytes are written. */
  #warn(): number {
    if (!this.#hasWarned) this.#tell({ type: 'notice', message: NOT_KEPT });
    this.#hasWarned = true;
    return 0;
  }

  #become(state: TrainingState, error?: unknown): void {
    this.#state = state;
    this.#tell({ type: 'state', state, ...(error !== undefined && { error: toSent(error) }) });
  }

  #tell(event: SentTrainingEvent): void {
    if (event.type !== 'state') this.#log.add(event);
    for (const listener of this.#listeners) listener(event);
  }
}

const NOT_KEPT = 'This browser keeps nothing for this site, so the run ends with the page. Its models can be downloaded.';

const isMultiple = (done: number, interval: number): boolean => interval > 0 && done % interval === 0;

const mapped = <A, B>(all: PerTwin<A>, make: (one: A, twin: Twin) => B): PerTwin<B> =>
  Object.fromEntries(Object.entries(all).map(([twin, one]) => [twin as Twin, make(one as A, twin as Twin)]));
