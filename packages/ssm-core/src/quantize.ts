/**
 * How weights are rounded. Whole numbers come in groups of 32 along a row with one scale, as in llama.cpp's q8_0 and q4_0. The scale is a
 * bfloat16: it widens to float32 by a shift, where a float16 would take several operations and end at 65504. The numbers are chosen for the scale
 * as it was rounded, so its eight bits cost no more than a step that is up to 0.4 % longer, or the largest number that much of its size.
 */

/** Weights that share a scale. */
export const WEIGHT_GROUP = 32;
/** Scales below this count as zero: what they stand for is lost in any sum. */
const LEAST_SCALE = 1e-30;

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);
/** Numbers of the group at hand that may turn out nearer. */
const candidates = new Int8Array(WEIGHT_GROUP);

/** The upper half of a float32 rounded to the nearest bfloat16, ties to even. For finite numbers; the largest become the largest bfloat16. */
export function toBf16(value: number): number {
  float[0] = value;
  const bits = word[0] as number;
  const rounded = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  return (rounded & 0x7fff) === 0x7f80 ? rounded - 1 : rounded;
}

export function fromBf16(upper: number): number {
  word[0] = upper << 16;
  return float[0] as number;
}

/** Writes the numbers −127 to 127 of a group, and gives the upper half of their scale. */
export function quantizeInt8(values: Float32Array, numbers: Int8Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] as number));
  return fit(values, numbers, toBf16(largest / 127), 127);
}

/**
 * Writes the numbers −8 to 7 of a group, and gives the upper half of their scale. The value of the largest size is −8 times the scale, as in
 * q4_0; then the scale that fits these numbers best is tried in its place, and kept where it is nearer.
 */
export function quantizeInt4(values: Float32Array, numbers: Int8Array): number {
  let extreme = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  }
  const first = fit(values, numbers, toBf16(extreme / -8), 7);
  const second = fit(values, candidates, toBf16(bestScale(values, numbers)), 7);
  if (distance(values, candidates, second) >= distance(values, numbers, first)) return first;
  numbers.set(candidates.subarray(0, values.length));
  return second;
}

/** Writes the nearest numbers up to `most`, from −8 or −127 on. */
function fit(values: Float32Array, numbers: Int8Array, upper: number, most: number): number {
  const scale = fromBf16(upper);
  const least = most === 7 ? -8 : -most;
  if (Math.abs(scale) < LEAST_SCALE) {
    numbers.fill(0);
    return 0;
  }
  const inverse = 1 / scale;
  for (let i = 0; i < values.length; i++) {
    const nearest = Math.floor((values[i] as number) * inverse + 0.5);
    numbers[i] = Math.min(most, Math.max(least, nearest));
  }
  return upper;
}

/** The scale with the least squares of differences for given numbers. */
function bestScale(values: Float32Array, numbers: Int8Array): number {
  let [product, square] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const number = numbers[i] as number;
    product += (values[i] as number) * number;
    square += number * number;
  }
  return square === 0 ? 0 : product / square;
}

function distance(values: Float32Array, numbers: Int8Array, upper: number): number {
  const scale = fromBf16(upper);
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const difference = (values[i] as number) - scale * (numbers[i] as number);
    sum += difference * difference;
  }
  return sum;
}
