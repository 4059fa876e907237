/** AssemblyScript. Which quarters of x, the weights and y each of the seven products of assembly-strassen.ts takes: Strassen 1969. */

/**
 * What a product is made of, two terms each of x, the weights and y, a digit a term: a quarter (1 and 2 above, 3 and 4 below) or nothing, with 8 where it is
 * subtracted. Products 0 to 2 are the first to write to a quarter of y, with their first term, and product 0 with both.
 */
function termsOf(product: i32): i32 {
  if (product === 0) return 0x141414;
  if (product === 1) return 0x34103c;
  if (product === 2) return 0x102c24;
  if (product === 3) return 0x403913;
  if (product === 4) return 0x124029;
  if (product === 5) return 0x391240;
  return 0x2c3410;
}

/** Places of terms, the first of two. */
export const X: i32 = 20;
export const WEIGHTS: i32 = 12;
export const Y: i32 = 4;

export function termOf(product: i32, place: i32): i32 {
  return (termsOf(product) >> place) & 15;
}

export function isMinus(term: i32): bool {
  return term > 8;
}

/** Where a quarter of a matrix begins whose lower half is so many bytes away, and its right one; 0 for nothing. */
export function quarterAt(term: i32, matrix: usize, lower: usize, right: usize): usize {
  const quarter = term & 7;
  if (quarter === 0) return 0;
  return matrix + (quarter > 2 ? lower : 0) + (quarter % 2 === 0 ? right : 0);
}
