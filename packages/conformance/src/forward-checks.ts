import { crossEntropy } from '@densessm/kernels';
import { disposeTree, type ForwardOptions, tidyTree } from '@densessm/ssm-core';
import { dispose, gather, reshape, slice, type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { compare, compareValues } from './compare';
import { type LengthRecord, type Subject, stored, tokensOf } from './model-fixture';
import type { CheckResult } from './types';

/** Logits, hidden states, losses of `forward`. */
export async function* checkForward(
  subject: Subject,
  length: number,
  record: LengthRecord,
  bound: number,
  options: ForwardOptions = {},
  note = '',
): AsyncGenerator<CheckResult> {
  const { fixture, model, config, params, family } = subject;
  const tokens = tokensOf(fixture, `L${length}.input_ids`);
  const states = tidyTree(() => model.hiddenStates(params, config, tokens, options));
  yield await compareLogits(subject, `L${length} logits${note}`, length, record, states.logits, bound);
  for (const [i, hidden] of family.hidden(states).entries()) {
    const expected = fixture.tensors.get(`L${length}.hidden.${i}`);
    if (expected) yield await compare(`L${length} hidden ${i}${note}`, expected, hidden.clone(), bound, 'relative');
  }
  if (record.loss !== undefined) {
    const nll = tidy(() => nllPerToken(states.logits, tokens));
    const values = Array.from(await nll.data());
    const mean = values.reduce((total, value) => total + value, 0) / values.length;
    yield compareValues(`L${length} loss${note}`, [record.loss], [mean], bound);
    yield await compare(`L${length} nll per token${note}`, stored(fixture, `L${length}.nll_per_token`), nll, bound);
  }
  disposeTree(states);
  dispose(tokens);
}

/** −log p(token t + 1 | tokens up to t), [B, T − 1]. */
export function nllPerToken(logits: Tensor3D, tokens: Tensor2D): Tensor2D {
  const [batch, length, vocab] = logits.shape;
  const rows = reshape(slice(logits, [0, 0, 0], [batch, length - 1, vocab]), [-1, vocab]) as Tensor2D;
  const targets = reshape(slice(tokens, [0, 1], [batch, length - 1]), [-1]) as Tensor1D;
  return reshape(crossEntropy({ logits: rows, targets }, { reduction: 'none' }), [batch, length - 1]);
}

/** Compares with all stored logits, or with those at the stored positions where a folder keeps only some. Leaves `logits` alone. */
export async function compareLogits(subject: Subject, name: string, length: number, record: LengthRecord, logits: Tensor, bound: number) {
  const { fixture } = subject;
  const positions = record.logits_positions;
  const some = fixture.tensors.get(`L${length}.logits_at`);
  if (some && positions)
    return compare(
      name,
      some,
      tidy(() => gather(logits, positions, 1)),
      bound,
    );
  return compare(name, stored(fixture, `L${length}.logits`), logits.clone(), bound);
}
