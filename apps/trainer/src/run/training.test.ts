import type { Batch, RunRecord } from '@densessm/train';
import { describe, expect, it } from 'vitest';
import type { CourseState } from '../run-folder/training-notes';
import { type CourseParts, runCourse } from './training';

/** A run on a trainer that counts; `log` is what happened, in order. */
function course(
  settings: Partial<CourseParts['settings']>,
  { from = 0, stopAt = 99, clock = () => 0 }: Partial<{ from: number; stopAt: number; clock: () => number }> = {},
) {
  const log: string[] = [];
  const stop = new AbortController();
  let steps = from;
  const parts: CourseParts = {
    settings: { maxSteps: 4, evalInterval: 2, sampleInterval: 0, saveInterval: 2, ...settings },
    trainer: {
      isWhole: true,
      get steps() {
        return steps;
      },
      step: async () => {
        const step = steps++;
        if (steps === stopAt) stop.abort();
        return { step, loss: 4 - step, learningRate: 1, gradNorm: 1, tokens: 1, skipped: false, seconds: 1 };
      },
      evaluate: async () => ({ loss: steps === 4 ? 9 : 5 - steps, tokens: 1 }),
    },
    evaluation: (async function* (): AsyncGenerator<Batch> {})(),
    signal: stop.signal,
    sample: async (step) => ({ type: 'sample', step, prompt: '', text: '', wallTime: 0 }),
    gates: async () => undefined,
    record: async ({ type, step }: RunRecord) => void log.push(`${type} ${step}`),
    saveCheckpoint: async ({ observedAt, best }: CourseState) => void log.push(`save ${steps} (${observedAt}, ${best?.step ?? '-'})`),
    saveBest: async ({ step }) => void log.push(`best ${step}`),
    now: clock,
  };
  return { parts, log };
}

describe('the course of a run', () => {
  it('writes what belongs to a state before the checkpoint of that state', async () => {
    const { parts, log } = course({});
    expect(await runCourse(parts)).toEqual({ finished: true, state: { observedAt: 4, best: { step: 2, loss: 3 } } });
    expect(log).toEqual([
      ...['evaluation 0', 'step 0', 'step 1', 'evaluation 2', 'best 2', 'save 2 (2, 2)'],
      ...['step 2', 'step 3', 'evaluation 4', 'sample 4', 'save 4 (4, 2)'],
    ]);
  });

  it('keeps the steps before what fails while a state is looked at', async () => {
    const { parts, log } = course({ evalInterval: 0, saveInterval: undefined });
    const sample = () => Promise.reject(new Error('no text can be drawn'));
    await expect(runCourse({ ...parts, sample })).rejects.toThrow('no text can be drawn');
    expect(log.slice(-2)).toEqual(['best 4', 'save 4 (3, -)']);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('has no best state while the loss is %d', async (loss) => {
    const { parts, log } = course({});
    const trainer = {
      ...parts.trainer,
      step: parts.trainer.step,
      evaluate: async () => ({ loss: parts.trainer.steps === 4 ? 3 : loss, tokens: 1 }),
    };
    Object.defineProperty(trainer, 'steps', { get: () => parts.trainer.steps });
    expect(await runCourse({ ...parts, trainer })).toMatchObject({ state: { best: { step: 4, loss: 3 } } });
    expect(log).toContain('save 2 (2, -)');
    expect(log.filter((one) => one.startsWith('best'))).toEqual(['best 4']);
  });

  it('that goes on repeats nothing and misses nothing', async () => {
    const { parts, log } = course({}, { from: 2 });
    await runCourse(parts, { observedAt: 2, best: { step: 2, loss: 3 } });
    expect(log).toEqual(['step 2', 'step 3', 'evaluation 4', 'sample 4', 'save 4 (4, 2)']);
  });

  it('that is interrupted ends after the step at hand, saves, and leaves its evaluation to whoever goes on', async () => {
    const { parts, log } = course({ maxSteps: 9 }, { stopAt: 4 });
    expect(await runCourse(parts)).toMatchObject({ finished: false, state: { observedAt: 3 } });
    expect(log.slice(-3)).toEqual(['step 2', 'step 3', 'save 4 (3, 2)']);
    const next = course({ maxSteps: 5 }, { from: 4 });
    await runCourse(next.parts, { observedAt: 3, best: { step: 2, loss: 3 } });
    expect(next.log.slice(0, 3)).toEqual(['evaluation 4', 'save 4 (4, 2)', 'step 4']);
  });

  it('does not wait for an evaluation that the signal comes in the middle of, and counts none of it', async () => {
    const { parts, log } = course({}, { from: 2 });
    const stop = new AbortController();
    const batches = async function* (): AsyncGenerator<Batch> {
      for (;;) {
        yield { tokens: new Int32Array(1), targets: new Int32Array(1), batchSize: 1, length: 1 };
        stop.abort();
      }
    };
    const evaluate = async (all: AsyncIterable<Batch> | Iterable<Batch>) => {
      for await (const _ of all) log.push('batch');
      return { loss: 1, tokens: 1 };
    };
    const slow = {
      ...parts,
      signal: stop.signal,
      evaluation: batches(),
      trainer: { steps: 2, isWhole: true, step: parts.trainer.step, evaluate },
    };
    expect(await runCourse(slow, { observedAt: 1, best: null })).toEqual({ finished: false, state: { observedAt: 1, best: null } });
    expect(log).toEqual(['batch']);
  });

  it('saves after each evaluation, whatever else decides', async () => {
    const { parts, log } = course({ saveInterval: 0, evalInterval: 3, maxSteps: 7 });
    await runCourse(parts);
    expect(log.filter((one) => one.startsWith('save'))).toEqual(['save 3 (3, 3)', 'save 6 (6, 6)', 'save 7 (7, 7)']);
  });

  it('saves by the clock where no interval is given, and at the end', async () => {
    let minutes = 0;
    const { parts, log } = course({ saveInterval: undefined, evalInterval: 0 }, { clock: () => 25_000 * minutes++ });
    await runCourse(parts);
    expect(log.filter((one) => one.startsWith('save'))).toEqual(['save 2 (2, -)', 'save 4 (4, 4)']);
  });
});
