/** Divides logits by the temperature, in place: above 1 evens the distribution out, below 1 sharpens it. [V] */
export function scaleByTemperature(logits: Float32Array, temperature: number): Float32Array {
  for (let id = 0; id < logits.length; id++) logits[id] = (logits[id] as number) / temperature;
  return logits;
}
