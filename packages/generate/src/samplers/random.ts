/** The whole state of a generator: four integers below 2^32. */
export type RandomState = readonly [number, number, number, number];

/** Draws uniformly from [0, 1) with 53 bits. */
export interface Random {
  next(): number;
  /** What {@link randomFrom} continues from. */
  state(): RandomState;
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** A generator that continues from a state: xoshiro128**, Blackman and Vigna 2018, arXiv:1805.01407. Bit for bit the same everywhere. */
export function randomFrom(state: RandomState): Random {
  let [a, b, c, d] = state;
  const bits32 = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  return {
    next: () => ((bits32() >>> 5) * 2 ** 26 + (bits32() >>> 6)) / 2 ** 53,
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}

/** The finalizer of MurmurHash3: every bit of the result depends on every bit of x. */
function scramble(x: number): number {
  const once = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}

/**
 * A generator from a seed, an integer from 0 to 2^53 − 1. Each row of a batch has a stream of its own, so that what a row
 * draws does not depend on the others. The words of the state are hashes of both, as xoshiro's authors advise.
 */
export function seededRandom(seed: number, stream = 0): Random {
  const inputs = [seed % 2 ** 32, Math.floor(seed / 2 ** 32), stream];
  const word = (index: number): number => [index, ...inputs].reduce((hash, input) => scramble((hash ^ input) + 0x9e3779b9), 0);
  return randomFrom([word(0) || 1, word(1), word(2), word(3)]); // all zero is the one state that never changes
}

/** A seed that nobody chose. */
export function anySeed(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high % 2 ** 21) * 2 ** 32 + low;
}
