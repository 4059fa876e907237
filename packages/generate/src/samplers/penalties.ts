/**
 * Makes every token that occurs in `tokens` less likely, once however often it occurs, in place: a positive logit is divided by
 * the penalty, a negative one multiplied. Keskar et al. 2019, "CTRL", arXiv:1909.05858, section 4.1, in the signed form of
 * transformers and vLLM. [V]
 */
export function penalizeRepetition(logits: Float32Array, tokens: Iterable<number>, penalty: number): Float32Array {
  for (const id of new Set(tokens)) {
    const logit = logits[id] as number;
    logits[id] = logit < 0 ? logit * penalty : logit / penalty;
  }
  return logits;
}

/** Takes `presence` once and `frequency` per occurrence off the logit of every token in `tokens`, in place: the OpenAI API's two penalties. [V] */
export function penalizeOccurrence(
  logits: Float32Array,
  tokens: Iterable<number>,
  { presence, frequency }: { presence: number; frequency: number },
): Float32Array {
  const counts = new Map<number, number>();
  for (const id of tokens) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const [id, count] of counts) logits[id] = (logits[id] as number) - presence - frequency * count;
  return logits;
}
