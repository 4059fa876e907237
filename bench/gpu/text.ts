/**
 * A made-up text that a model can learn a part of: after each token comes one of four that follow it, and one time in five another, small numbers more
 * often. The same numbers for the same step, whatever the model.
 */
export function batchOf(step: number, batchSize: number, length: number, vocabulary: number) {
  const rows = Array.from({ length: batchSize }, (_, row) => lineOf(step * batchSize + row + 1, length + 1, vocabulary));
  const flat = (from: number): Int32Array => Int32Array.from(rows.flatMap((row) => row.slice(from, from + length)));
  return { tokens: flat(0), targets: flat(1), batchSize, length };
}

function lineOf(seed: number, length: number, vocabulary: number): number[] {
  let state = (seed * 2654435761) >>> 0;
  const random = (): number => {
    // xorshift32, Marsaglia 2003
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  const rare = (): number => Math.floor(vocabulary ** random()) % vocabulary;
  const line = [rare()];
  while (line.length < length) {
    const last = line.at(-1) as number;
    line.push(random() < 0.2 ? rare() : (last * 31 + 17 * Math.floor(4 * random()) + 7) % vocabulary);
  }
  return line;
}
