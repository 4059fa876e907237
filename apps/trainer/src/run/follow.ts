import type { Communicator } from '@densessm/distributed';
import { evaluationBlocks } from '@densessm/train';
import type { TrainingNotes } from '../run-folder/training-notes';
import type { OpenRun } from './open-run';
import type { AnyTrainer } from './open-trainer';
import type { Prepared } from './prepare';
import { agree } from './ranks';
import { runCourse } from './training';

/** What every rank but the first does: it computes, and neither writes nor tells. @returns whether all steps were done */
export async function followRun(
  trainer: AnyTrainer,
  run: OpenRun,
  { data }: Prepared,
  { world, signal, notes }: { world: Communicator; signal: AbortSignal; notes: TrainingNotes | undefined },
): Promise<boolean> {
  const nothing = async (): Promise<void> => undefined;
  const { finished } = await runCourse(
    {
      trainer,
      settings: run.settings,
      signal,
      agree: (own) => agree(world, own),
      evaluation: evaluationOf(data, run),
      sample: async (step) => ({ type: 'sample', step, prompt: '', text: '', wallTime: 0 }),
      gates: async () => undefined,
      record: nothing,
      saveCheckpoint: async () => void (await trainer.save()),
      saveBest: nothing,
      now: () => performance.now(),
    },
    notes?.course,
  );
  return finished;
}

/** The held-out text, in the batches of an evaluation: as many texts as when the run began, however many processes share them now. */
export function evaluationOf({ validation }: Prepared['data'], { settings, began }: OpenRun) {
  const { batchSize, blockSize, evalIters } = settings;
  const maxBlocks = evalIters * began.batchSize * began.ranks;
  return evaluationBlocks(validation, { batchSize, blockSize, ...(evalIters > 0 && { maxBlocks }) });
}
