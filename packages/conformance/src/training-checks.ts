import { disposeGrads, disposeTree, mapTree, namedParams } from '@densessm/ssm-core';
import { dispose } from '@tensorflow/tfjs-core';
import { compareSummary, compareValues, type Summary } from './compare';
import { lossAndGradients } from './gradient-checks';
import { type Subject, tokensOf } from './model-fixture';
import { type AdamWSettings, normOf, optimizerOf } from './optim-checks';
import type { CheckResult } from './types';

interface TrainingRecord extends AdamWSettings {
  batch: string;
  loss_before_each_step: number[];
  grad_norm_before_clip: number[];
  loss_after_last_step: number;
  final_params: Record<string, Summary>;
}

/** The stored AdamW run: losses, gradient norms, and the parameters it ends with. */
export async function* checkTraining(subject: Subject): AsyncGenerator<CheckResult> {
  const { fixture, model, config, family } = subject;
  const record = fixture.expected.training as TrainingRecord;
  const options = family.exact?.options ?? {};
  const bound = family.exact?.gradients ?? family.gradients;
  const tokens = tokensOf(fixture, record.batch);
  const spec = model.spec(config);
  const optimizer = optimizerOf(record);
  let params = mapTree(subject.params, (tensor) => tensor.clone());
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step <= record.steps; step++) {
    const result = lossAndGradients(subject, params, tokens, options);
    losses.push((await result.value.data())[0] as number);
    if (step < record.steps) {
      const { norm, gradientScale } = await normOf(result.grads, record);
      norms.push(norm);
      params = optimizer.update({ spec, params, grads: result.grads as never, learningRate: record.lr, gradientScale });
    }
    disposeGrads(result);
  }
  yield compareValues('training losses', [...record.loss_before_each_step, record.loss_after_last_step], losses, bound, 'relative');
  // Adam's first steps are lr · sign(g): noise in gradients near zero moves parameters by whole steps, which gradients feel more than losses
  yield compareValues('training gradient norms', record.grad_norm_before_clip, norms, family.gradients, 'relative');
  for (const [{ name }, tensor] of namedParams(spec, params)) {
    const summary = record.final_params[name];
    if (summary) yield compareSummary(`trained ${name}`, summary, await tensor.data(), bound);
  }
  disposeTree(params);
  optimizer.dispose();
  dispose(tokens);
}
