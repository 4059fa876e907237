import { SsmError } from '@densessm/ssm-core';

/**
 * Adds a bias to the logits of some tokens, in place; −Infinity forbids one. [V]
 * @throws SsmError TOKENS for an id outside the vocabulary.
 */
export function addLogitBias(logits: Float32Array, bias: ReadonlyMap<number, number>): Float32Array {
  for (const [id, amount] of bias) {
    if (id >= logits.length) throw unknownToken(id, logits.length);
    logits[id] = (logits[id] as number) + amount;
  }
  return logits;
}

const unknownToken = (id: number, vocabSize: number): SsmError =>
  new SsmError({
    code: 'TOKENS',
    what: 'generate: `logitBias` names a token outside the vocabulary.',
    expected: `ids from 0 to ${vocabSize - 1}`,
    got: String(id),
    fix: "take the ids from the model's own tokenizer",
  });
