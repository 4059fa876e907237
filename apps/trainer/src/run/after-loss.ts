/** A GPU's device may be lost at any time, with all tensors on it: a run then goes on from its checkpoint on a new one. */
import { join } from 'node:path';
import { SsmError } from '@densessm/ssm-core/plain';
import { openCheckpoint } from '../run-folder/checkpoint';
import { CHECKPOINT } from '../run-folder/names';
import { readRunInfo } from '../run-folder/run-info';
import type { RunView } from '../view/run-view';
import type { OpenRun } from './open-run';
import { notesOf } from './restore';

/** A device that is lost so often without a new checkpoint in between will be lost again. */
const MOST_IN_VAIN = 3;

/** Trains on until the run ends, or fails otherwise. `train` calls `onBegin` once what was in the folder before is no longer there. */
export async function acrossLosses<T>(first: OpenRun, view: RunView, train: (run: OpenRun, onBegin: () => void) => Promise<T>): Promise<T> {
  let run = first;
  let [inVain, isBegun] = [0, first.resumed !== undefined];
  for (;;) {
    try {
      return await train(run, () => {
        isBegun = true;
      });
    } catch (error) {
      if (!isLoss(error) || !canGoOn(run)) throw error;
      const next = isBegun ? await fromCheckpoint(run) : run;
      inVain = stepOf(next) > stepOf(run) ? 1 : inVain + 1;
      if (inVain > MOST_IN_VAIN) throw error;
      run = next;
      view.goOn(stepOf(run), `${error.message.split('\n')[0]} The run goes on from step ${stepOf(run)} on a new one.`);
    }
  }
}

const isLoss = (error: unknown): error is SsmError => error instanceof SsmError && error.code === 'LOST';

/** Other processes would wait for one that begins anew, and what came through a pipe comes once. */
const canGoOn = ({ world, settings: { data, valData } }: OpenRun): boolean => world === undefined && ![data, valData].flat().includes('-');

async function fromCheckpoint(run: OpenRun): Promise<OpenRun> {
  const info = await readRunInfo(run.folder);
  const checkpoint = await openCheckpoint(join(run.folder, CHECKPOINT));
  if (info === undefined || checkpoint === undefined) return { ...run, replaces: true };
  return { ...run, resumed: { info, checkpoint }, replaces: false };
}

const stepOf = ({ resumed }: OpenRun): number => (resumed === undefined ? 0 : notesOf(resumed.checkpoint).counters.steps);
