import { SsmError } from '@densessm/ssm-core';

export const otherOptimizer = (got: string, expected: string): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Trainer.restore: the state was saved with another optimizer.',
    expected,
    got,
    fix: 'go on with the optimizer of the first run, or start a new run from its parameters',
  });

export const disposed = (): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Trainer: the trainer was disposed of.',
    expected: 'a trainer that owns its parameters',
    got: 'a freed one',
    fix: 'dispose after the last use; Trainer.restore continues from what Trainer.save gave',
  });

export const notAwaited = (): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'Trainer: the step or evaluation before has not ended.',
    expected: 'one at a time',
    got: 'two',
    fix: 'await each step and each evaluation',
  });

export const nothingToPredict = (step: number): SsmError =>
  new SsmError({
    code: 'TOKENS',
    what: `Trainer.step: step ${step} has no token to predict.`,
    expected: 'at least one target that counts',
    got: 'none in all its batches',
    fix: 'use longer blocks, or a sampler that leaves out texts of one token',
  });

export const diverged = (step: number, count: number, loss: number, gradNorm: number): SsmError =>
  new SsmError({
    code: 'DIVERGED',
    what: `Trainer.step: ${count} steps in a row were not finite and were skipped.`,
    expected: 'a finite loss and gradient',
    got: `loss ${loss}, gradient norm ${gradNorm} at step ${step}`,
    fix: 'lower the learning rate, lengthen the warm-up or clip the gradients (1 is usual), and go on from the last good checkpoint',
  });

export const betweenOuterSteps = (steps: number, every: number): SsmError =>
  new SsmError({
    code: 'STATE',
    what: 'Trainer.save: the processes have different parameters between two outer steps.',
    expected: `a multiple of ${every} steps`,
    got: `${steps} steps`,
    fix: 'save after an outer step, where `isWhole` is true',
  });

export const spoiled = (cause: unknown): SsmError =>
  new SsmError(
    {
      code: 'STATE',
      what: 'Trainer: the device failed during an update, so that parameters and optimizer may be those of no step.',
      expected: 'a trainer whose updates were done',
      got: (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '',
      fix: 'dispose of it, and go on by Trainer.restore from what Trainer.save gave last, on a new device where the old one was lost',
    },
    { cause },
  );
