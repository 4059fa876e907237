/** Content of a run's files, whole: for tests that damage it. */
import type { RunInfo } from '../run-folder/run-info';
import type { TrainingNotes } from '../run-folder/training-notes';
import { completeSettings } from '../settings/resolve';

/** run.json */
export const RUN: Omit<RunInfo, 'data'> = {
  ...{ format: 'densessm-run-1', name: 'a', state: 'finished', command: ['train'], created: '2026-01-02', updated: '2026-01-03' },
  ...{ process: { host: 'elsewhere', pid: 1 }, versions: { node: '20' }, backend: 'wasm', ranks: 1, settings: completeSettings({}) },
  ...{ config: { model_type: 'mamba' }, parameters: 10, step: 60, loss: 1.5, best: { step: 60, loss: 1.5 }, seconds: 2 },
};

export const NOTES: TrainingNotes = {
  counters: { steps: 60, skipped: 0, skippedInARow: 0, tokens: 9, optimizer: { name: 'adamw', steps: { 'a.weight': 60 } }, carried: [] },
  course: { observedAt: 60, best: { step: 60, loss: 1.5 } },
  seconds: 2,
};

/** trainer.json of a checkpoint with a file `a` of three bytes. */
export const CHECKPOINT_JSON = { format: 'densessm-checkpoint-1', ...NOTES, files: { a: { bytes: 3, sha256: 'x' } } };
