/**
 * The course of a run. Everything that belongs to the state after n steps (evaluation, sample, gates) is written before the
 * checkpoint of n steps, so that whoever continues from there repeats nothing and misses nothing.
 */
import type { Batch, Evaluation, RunRecord, StepRecord } from '@densessm/train';
import type { Best } from '../run-folder/run-info';
import type { CourseState } from '../run-folder/training-notes';
import type { Settings } from '../settings/table';
import type { Choice } from './ranks';

/** The part of a trainer that the course needs. */
interface Steps {
  readonly steps: number;
  /** False between two outer steps, where nothing can be looked at or saved. */
  readonly isWhole: boolean;
  step(): Promise<StepRecord>;
  evaluate(batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<Evaluation>;
}

export interface CourseParts {
  readonly trainer: Steps;
  /** One decision for all processes of the run. */
  readonly agree?: (own: Choice) => Promise<Choice>;
  readonly settings: Pick<Settings, 'maxSteps' | 'evalInterval' | 'sampleInterval' | 'saveInterval'>;
  readonly evaluation: AsyncIterable<Batch>;
  readonly signal: AbortSignal;
  /** Draws a text from the model as it is. */
  sample(step: number): Promise<RunRecord>;
  /** The gates of a dense model; undefined of a plain one. */
  gates(step: number): Promise<RunRecord | undefined>;
  record(record: RunRecord): Promise<void>;
  saveCheckpoint(state: CourseState): Promise<void>;
  saveBest(best: Best): Promise<void>;
  /** Milliseconds, from any start. */
  now(): number;
}

/** Between checkpoints where nobody said how many steps. */
const SAVE_EVERY_MS = 60_000;
const NOTHING_OBSERVED: CourseState = { observedAt: -1, best: null };

/** @returns whether all steps were done, or the signal ended the run before; either way everything is saved */
export async function runCourse(
  parts: CourseParts,
  from: CourseState = NOTHING_OBSERVED,
): Promise<{ finished: boolean; state: CourseState }> {
  const { trainer, settings, signal } = parts;
  let state = from;
  let saved = { at: from.observedAt < 0 ? 0 : trainer.steps, state };
  let savedTime = parts.now();
  for (;;) {
    const done = trainer.steps;
    if (!trainer.isWhole) {
      await takeStep(parts);
      continue;
    }
    const isLate = (): boolean => parts.now() - savedTime >= SAVE_EVERY_MS;
    const all = parts.agree && (await parts.agree({ stop: signal.aborted, isDue: isLate() }));
    const stop = (): boolean => all?.stop ?? signal.aborted;
    const isLast = done >= settings.maxSteps;
    const isEvaluated = !stop() && state.observedAt !== done && isMultiple(done, settings.evalInterval);
    if (!stop() && state.observedAt !== done) state = await observe(parts, state, isLast).catch(keptBefore(parts, saved.at, state));
    const ends = isLast || stop();
    const isDue = settings.saveInterval === undefined ? (all?.isDue ?? isLate()) : isMultiple(done, settings.saveInterval);
    const isSaved = saved.at === done && saved.state.observedAt === state.observedAt;
    if (!isSaved && done > 0 && (ends || isDue || isEvaluated)) {
      await parts.saveCheckpoint(state);
      saved = { at: done, state };
      savedTime = parts.now();
    }
    if (ends) return { finished: isLast && state.observedAt === done, state };
    await takeStep(parts);
  }
}

/** What fails while a state is looked at must not cost the steps before it. Processes that save together cannot do so alone. */
const keptBefore =
  ({ trainer, agree, saveCheckpoint }: CourseParts, savedAt: number, state: CourseState) =>
  async (error: unknown): Promise<never> => {
    if (trainer.steps > savedAt && agree === undefined) await saveCheckpoint(state).catch(() => undefined); // the first error counts
    throw error;
  };

async function takeStep({ trainer, record }: CourseParts): Promise<void> {
  const done = await trainer.step();
  await record({ type: 'step', ...done, wallTime: Date.now() / 1000 });
}

const isMultiple = (done: number, interval: number): boolean => interval > 0 && done % interval === 0;

/** What was being made when the signal came is left to whoever goes on. */
async function observe(parts: CourseParts, state: CourseState, isLast: boolean): Promise<CourseState> {
  try {
    return await observeAll(parts, state, isLast);
  } catch (error) {
    if (error instanceof Stopped) return state;
    throw error;
  }
}

class Stopped extends Error {}

async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const item of items) {
    if (signal.aborted) throw new Stopped();
    yield item;
  }
}

/** Evaluation, gates and sample where they are due. */
async function observeAll(parts: CourseParts, state: CourseState, isLast: boolean): Promise<CourseState> {
  const { trainer, settings } = parts;
  const step = trainer.steps;
  let { best } = state;
  if (isLast || isMultiple(step, settings.evalInterval)) {
    // of several processes none may leave alone: they end together, after it
    const batches = parts.agree === undefined ? untilAborted(parts.evaluation, parts.signal) : parts.evaluation;
    const { loss, tokens } = await trainer.evaluate(batches);
    await parts.record({ type: 'evaluation', step, loss, tokens, wallTime: Date.now() / 1000 });
    const gates = await parts.gates(step);
    if (gates !== undefined) await parts.record(gates);
    if (step > 0 && loss < (best?.loss ?? Number.POSITIVE_INFINITY)) {
      // a loss that is no number is not the best one, not even the first
      best = { step, loss };
      await parts.saveBest(best);
    }
  }
  if (isLast || (step > 0 && isMultiple(step, settings.sampleInterval))) await parts.record(await parts.sample(step));
  return { observedAt: step, best };
}
