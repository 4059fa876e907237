/** Random numbers as pure functions of their place, so that no generator has to be carried from step to step. */

/** 32 bits that depend on every bit of every number given: the mixing of MurmurHash3 (Appleby, public domain). */
export function hash32(...numbers: readonly number[]): number {
  let hash = 0x9747b28c;
  for (const number of numbers) {
    for (const word of [number >>> 0, Math.floor(number / 2 ** 32) >>> 0]) {
      let mixed = Math.imul(word, 0xcc9e2d51);
      mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
      hash ^= mixed;
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    }
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** An integer in [0, bound), bound at most 2^53: 53 random bits, so that sources beyond 2^32 tokens are covered evenly. */
export function randomBelow(bound: number, ...place: readonly number[]): number {
  const high = hash32(...place, 1) >>> 5;
  const low = hash32(...place, 2) >>> 6;
  return Math.floor(((high * 2 ** 26 + low) / 2 ** 53) * bound);
}

const ROUNDS = 4;

/**
 * Where `index` goes in a random order of 0 … count − 1: a Feistel network (Luby and Rackoff 1988) on the next even number
 * of bits, walked until it falls below `count`. Needs no memory, so that the order of a billion blocks costs nothing.
 */
export function shuffled(index: number, count: number, ...seeds: readonly number[]): number {
  const halfBits = Math.max(1, Math.ceil(Math.log2(Math.max(2, count)) / 2));
  const half = 2 ** halfBits;
  let place = index;
  do {
    let left = Math.floor(place / half);
    let right = place % half;
    for (let round = 0; round < ROUNDS; round++) [left, right] = [right, (left ^ hash32(...seeds, round, right)) & (half - 1)];
    place = left * half + right;
  } while (place >= count);
  return place;
}
