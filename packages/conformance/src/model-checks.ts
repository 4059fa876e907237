import { disposeTree } from '@densessm/ssm-core';
import { dispose, tidy } from '@tensorflow/tfjs-core';
import { checkGeneration, checkPieces } from './advance-checks';
import { checkForward, compareLogits } from './forward-checks';
import { checkGradients } from './gradient-checks';
import { lengthsOf, loadSubject, parallelBound, type Subject, tokensOf } from './model-fixture';
import { checkTraining } from './training-checks';
import type { CheckResult, ModelFixture } from './types';

/** Every quantity that a model's folder stores, in every mode, one result each. */
export async function* checkModel(fixture: ModelFixture): AsyncGenerator<CheckResult> {
  const subject = await loadSubject(fixture);
  for (const [length, record] of lengthsOf(fixture)) {
    yield* checkForward(subject, length, record, parallelBound(subject, record));
    yield* checkPieces(subject, length, record);
  }
  yield* checkGradients(subject, {}, subject.family.gradients, '');
  yield* checkExact(subject);
  yield* checkGeneration(subject);
  yield* checkTraining(subject);
  disposeTree(subject.params);
  yield* checkOriginal(fixture);
}

/** The same with the reference's own parallel mode followed to the last detail, which proves all the rest. */
async function* checkExact(subject: Subject): AsyncGenerator<CheckResult> {
  const { exact } = subject.family;
  if (!exact) return;
  for (const [length, record] of lengthsOf(subject.fixture)) {
    yield* checkForward(subject, length, record, exact.logits, exact.options, ' (row-normalized)');
  }
  yield* checkGradients(subject, exact.options, exact.gradients, ' (row-normalized)');
}

interface CrossCheck {
  max_abs_logit_diff: Record<string, number>;
}

/**
 * The same weights in the original implementation's format. Where that one computes something else (the gated norm of
 * Mamba-2 with several groups), ours must differ from the stored logits by as much as the original was seen to.
 */
async function* checkOriginal(fixture: ModelFixture): AsyncGenerator<CheckResult> {
  if (!fixture.original) return;
  const subject = await loadSubject(fixture, fixture.original);
  const seen = (fixture.expected.cross_check_state_spaces_mamba as CrossCheck | undefined)?.max_abs_logit_diff ?? {};
  for (const [length, record] of lengthsOf(fixture)) {
    const tokens = tokensOf(fixture, `L${length}.input_ids`);
    const logits = tidy(() => subject.model.forward(subject.params, subject.config, tokens));
    const name = `L${length} logits (original format)`;
    const { error } = await compareLogits(subject, name, length, record, logits, subject.family.logits);
    yield { name, error: Math.abs(error - (seen[length] ?? 0)), bound: subject.family.logits };
    dispose([tokens, logits]);
  }
  disposeTree(subject.params);
}
