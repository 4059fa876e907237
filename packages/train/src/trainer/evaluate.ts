import { disposeTree, type ForwardOptions, type SequenceModel } from '@densessm/ssm-core';
import { type Scalar, tidy } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { badOption } from '../options';
import { toDevice } from './device-batch';
import type { ModelRun } from './gradients';
import { countTargets, meanLoss } from './loss';
import { nextTask } from './next-task';
import { type Peers, shareOf } from './peers';
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
  return meanOf(await sumLosses({ model, config, options: {} }, params, batches));
}

/**
 * The same by several processes, each of which takes its share of the batches; all learn the result.
 * @throws SsmError OPTION where no batch has a target
 */
export async function evaluateShare<C, P extends object, State>(
  run: ModelRun<C, P, State>,
  params: P,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
  peers: Peers,
): Promise<Evaluation> {
  const sums = await sumLosses({ ...run, options: {} }, params, peers.size > 1 ? shareOf(batches, peers) : batches);
  if (peers.size > 1) await peers.allReduce(sums);
  return meanOf(sums);
}

function meanOf([total = 0, tokens = 0]: Float64Array): Evaluation {
  if (tokens === 0) throw badOption('evaluate', 'batches', 'at least one token to predict', 'none', 'give a longer held-out text');
  return { loss: total / tokens, tokens };
}

/** The losses of all targets added up, and their number. */
async function sumLosses<C, P extends object, State>(
  { model, config }: ModelRun<C, P, State>,
  params: P,
  batches: AsyncIterable<Batch> | Iterable<Batch>,
): Promise<Float64Array> {
  let [total, tokens] = [0, 0];
  for await (const batch of batches) {
    const counted = countTargets(batch.targets);
    if (counted === 0) continue;
    const { documentStarts, ...uploaded } = toDevice(batch);
    const read = (options: ForwardOptions) => model.forward(params, config, uploaded.tokens, { ...options, documentStarts });
    let loss: Scalar | undefined;
    try {
      loss = tidy(() => meanLoss(read, uploaded.targets, model.head?.(params)));
      const [value] = await loss.data();
      total += (value as number) * counted;
    } finally {
      disposeTree([loss, uploaded, documentStarts]);
    }
    tokens += counted;
    await nextTask();
  }
  return Float64Array.of(total, tokens);
}
