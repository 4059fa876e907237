/** Forbids, in place, every token that would complete an n-gram which `tokens` already holds. Paulus et al. 2017, arXiv:1705.04304, section 2.5. [V] */
export function forbidRepeatedNgrams(logits: Float32Array, tokens: readonly number[], size: number): Float32Array {
  const begun = tokens.length - (size - 1); // where the n-gram begins that the next token completes
  for (let start = 0; start < begun; start++) {
    let same = 0;
    while (same < size - 1 && tokens[start + same] === tokens[begun + same]) same++;
    if (same === size - 1) logits[tokens[start + same] as number] = -Infinity;
  }
  return logits;
}
