/** Sets all but the `count` largest logits to −Infinity, in place. Of equal ones those with the lowest ids stay. [V] */
export function keepLargest(logits: Float32Array, count: number): Float32Array {
  if (count >= logits.length) return logits;
  return keepFrom(logits, Float32Array.from(logits).sort(), count);
}

/** As {@link keepLargest}, with the same logits sorted upwards at hand. */
export function keepFrom(logits: Float32Array, ascending: Float32Array, count: number): Float32Array {
  const threshold = ascending[ascending.length - count] as number;
  let atThreshold = 0;
  for (let i = ascending.length - count; i < ascending.length && ascending[i] === threshold; i++) atThreshold++;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] as number;
    if (logit > threshold || (logit === threshold && atThreshold-- > 0)) continue;
    logits[id] = -Infinity;
  }
  return logits;
}
