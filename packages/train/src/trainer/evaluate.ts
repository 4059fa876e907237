import type { ForwardOptions, SequenceModel } from '@densessm/ssm-core';
import { dispose, tidy } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { badOption } from '../options';
import { toDevice } from './device-batch';
import { countTargets, meanLoss } from './loss';
import { nextTask } from './next-task';
import type { Evaluation } from './types';

/**
 * Mean loss over all targets of all batches, each from a fresh state; no gradients.
 * @throws SsmError OPTION where no batch has a target
 */
export async function evaluate<C, P extends object, State>(
  model: SequenceModel<C, P, State>,
  config: C,
  params: P,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
): Promise<Evaluation> {
  let [total, tokens] = [0, 0];
  for await (const batch of batches) {
    const counted = countTargets(batch.targets);
    if (counted === 0) continue;
    const { documentStarts, ...uploaded } = toDevice(batch);
    const read = (options: ForwardOptions) => model.forward(params, config, uploaded.tokens, { ...options, documentStarts });
    const loss = tidy(() => meanLoss(read, uploaded.targets, model.head?.(params)));
    const [value] = await loss.data();
    dispose([loss, uploaded.tokens, uploaded.targets, ...(documentStarts ? [documentStarts] : [])]);
    total += (value as number) * counted;
    tokens += counted;
    await nextTask();
  }
  if (tokens === 0) throw badOption('evaluate', 'batches', 'at least one token to predict', 'none', 'give a longer held-out text');
  return { loss: total / tokens, tokens };
}
