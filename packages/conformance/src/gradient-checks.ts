import { disposeGrads, type ForwardOptions, namedParams, valueAndGrads } from '@densessm/ssm-core';
import { dispose, mean, type Scalar, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { compare, compareSummary, compareValues, type Summary } from './compare';
import { nllPerToken } from './forward-checks';
import { type Subject, tokensOf } from './model-fixture';
import type { CheckResult } from './types';

interface GradientRecord {
  loss: number;
  no_grad_params: string[];
  summary: Record<string, Summary>;
}

/** Mean NLL of a batch and its gradients by the name of the parameter; null where the loss does not depend on one. */
export function lossAndGradients(subject: Subject, params: object, tokens: Tensor2D, options: ForwardOptions) {
  const { model, config } = subject;
  const loss = (current: object): Scalar => mean(nllPerToken(model.forward(current, config, tokens, options), tokens));
  const result = valueAndGrads(loss, params);
  const byName = new Map<string, Tensor | null>();
  for (const [{ name }, gradient] of namedParams(model.spec(config), result.grads)) byName.set(name, gradient);
  return { ...result, byName };
}

/**
 * How many times the RMS of float32 noise its worst value is among the thousands of a tensor: torch's own float32 gradients of
 * dense_retnet_m2_h4 are off by 3.6e-4 at worst and 1.2e-5 in RMS. What expected.json records of the latter is the floor of a bound.
 */
const WORST_OF_NOISE = 25;

/** Every gradient at every length: all values where they are stored, and the stored summary of them. */
export async function* checkGradients(subject: Subject, options: ForwardOptions, bound: number, note: string): AsyncGenerator<CheckResult> {
  const { fixture } = subject;
  const noise = (fixture.expected.worst as { grad_f32_rel?: number } | undefined)?.grad_f32_rel ?? 0;
  const worst = Math.max(bound, WORST_OF_NOISE * noise);
  for (const [length, record] of Object.entries(fixture.expected.grads as Record<string, GradientRecord>)) {
    const tokens = tokensOf(fixture, `L${length}.input_ids`);
    const result = lossAndGradients(subject, subject.params, tokens, options);
    const unused = record.no_grad_params.filter((name) => result.byName.get(name) !== null);
    yield compareValues(`L${length} parameters that should have no gradient${note}`, [0], [unused.length], 0);
    for (const [name, summary] of Object.entries(record.summary)) {
      const label = `L${length} gradient of ${name}${note}`;
      const gradient = result.byName.get(name);
      if (!gradient) yield { name: `${label}: none`, error: Infinity, bound };
      else {
        yield compareSummary(label, summary, await gradient.data(), worst);
        const all = fixture.tensors.get(`L${length}.grad.${name}`);
        if (all) yield await compare(`${label}, worst value`, all, gradient.clone(), worst, 'relative');
        if (all) yield await compare(`${label}, RMS`, all, gradient.clone(), bound, 'relativeRms');
      }
    }
    disposeGrads(result);
    dispose(tokens);
  }
}
