import { disposeGrads, disposeTree, mapTree, namedParams } from '@densessm/ssm-core';
import { dispose } from '@tensorflow/tfjs-core';
import { type AdamWState, adamW } from '../adamw';
import { compareSummary, compareValues, type Summary } from './compare';
import { lossAndGradients } from './gradient-checks';
import { type Subject, tokensOf } from './model-fixture';
import type { CheckResult } from './types';

interface TrainingRecord {
  lr: number;
  betas: [number, number];
  eps: number;
  weight_decay: number;
  clip_grad_norm: number;
  steps: number;
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
  const state: AdamWState = new Map();
  let params = mapTree(subject.params, (tensor) => tensor.clone());
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 0; step <= record.steps; step++) {
    const result = lossAndGradients(subject, params, tokens, options);
    losses.push((await result.value.data())[0] as number);
    if (step < record.steps) {
      const next = await adamW(params, result.grads as never, state, {
        learningRate: record.lr,
        beta1: record.betas[0],
        beta2: record.betas[1],
        eps: record.eps,
        weightDecay: record.weight_decay,
        clipNorm: record.clip_grad_norm,
      });
      norms.push(next.norm);
      disposeTree(params);
      params = next.params;
    }
    disposeGrads(result);
  }
  yield compareValues('training losses', [...record.loss_before_each_step, record.loss_after_last_step], losses, bound, 'relative');
  // Adam's first steps are lr · sign(g): noise in gradients near zero moves parameters by whole steps, which gradients feel more than losses
  yield compareValues('training gradient norms', record.grad_norm_before_clip, norms, family.gradients, 'relative');
  for (const [{ name }, tensor] of namedParams(model.spec(config), params)) {
    const summary = record.final_params[name];
    if (summary) yield compareSummary(`trained ${name}`, summary, await tensor.data(), bound);
  }
  disposeTree(params);
  dispose(tokens);
}
