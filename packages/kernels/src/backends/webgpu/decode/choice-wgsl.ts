/**
 * WGSL of what chooses tokens. The level of a logit is how far it lies below the largest, divided by the temperature, in steps of 2⁻¹⁹: as fine as float32
 * is for logits of 16 to 32, so that levels are equal where logits are tied within rounding. Its weight is e^−depth in steps of 2⁻²⁸, an integer: sums of
 * weights are exact, and do not depend on an order. A mass is such a sum as two words, high · 2¹⁶ + low with low < 2¹⁶.
 */
import { EXP } from '../math';
import { BINS, PROGRESS_WORDS, SETTING } from './choice-layout';

/** Invocations of a workgroup: one for each bin. */
export const SIZE = BINS;

/** Masses of less than 2⁴⁸: the product of two words, and ⌊m f / 2³²⌋ by limbs of 16 bits. */
const MASSES = `
fn tidied(m: vec2<u32>) -> vec2<u32> { return vec2<u32>(m.x + (m.y >> 16), m.y & 0xffff); }
fn less(a: vec2<u32>, b: vec2<u32>) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }
fn minus(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return select(vec2<u32>(a.x - b.x, a.y - b.y), vec2<u32>(a.x - b.x - 1, a.y + 65536 - b.y), a.y < b.y);
}
fn times(a: u32, b: u32) -> vec2<u32> {
  let low = (a & 0xffff) * (b & 0xffff);
  let high = (low >> 16) + (a >> 16) * (b & 0xffff) + (a & 0xffff) * (b >> 16) + (((a >> 16) * (b >> 16)) << 16);
  return vec2<u32>(high, low & 0xffff);
}
fn shareOf(m: vec2<u32>, f: u32) -> vec2<u32> {
  let m1 = m.x & 0xffff;
  let m2 = m.x >> 16;
  let f0 = f & 0xffff;
  let f1 = f >> 16;
  let c1 = ((m.y * f0) >> 16) + ((m.y * f1) & 0xffff) + ((m1 * f0) & 0xffff);
  let c2 = (c1 >> 16) + ((m.y * f1) >> 16) + ((m1 * f0) >> 16) + ((m1 * f1) & 0xffff) + ((m2 * f0) & 0xffff);
  let c3 = (c2 >> 16) + ((m1 * f1) >> 16) + ((m2 * f0) >> 16) + ((m2 * f1) & 0xffff);
  let c4 = (c3 >> 16) + ((m2 * f1) >> 16);
  return vec2<u32>((c4 << 16) | (c3 & 0xffff), c2 & 0xffff);
}`;

const PREFERENCES = `
  x += bitcast<f32>(choice[p.bias + id]);
  if (!isPossible(x)) { return -LARGEST; }
  let at = text * p.vocab + id;
  if (choice[p.seen + at] > 0) {
    let penalty = setting(${SETTING.repetition});
    x = select(x / penalty, x * penalty, x < 0.0);
  }
  let drawn = choice[p.drawn + at];
  if (drawn > 0) { x = x - setting(${SETTING.presence}) - setting(${SETTING.frequency}) * f32(drawn); }`;

/** The logit of a token, after bias and penalties where there are any. */
export const logitsWgsl = (isPreferring: boolean): string => `
const NONE = 0xffffffffu;
const LARGEST = 3.4e38;
fn setting(i: u32) -> f32 { return bitcast<f32>(choice[p.settings + i]); }
fn isPossible(x: f32) -> bool { return x > -1e38; }
fn isWrong(x: f32) -> bool {
  let bits = bitcast<u32>(x);
  return (bits & 0x7fffffff) > 0x7f800000 || bits == 0x7f800000;
}
fn ownLogit(text: u32, id: u32) -> f32 { return arena[p.logits + text * p.vocab + id]; }
fn logitAt(text: u32, id: u32) -> f32 {
  var x = ownLogit(text, id);${isPreferring ? PREFERENCES : ''}
  return x;
}`;

/** The largest logit of a text and the lowest id that has it; NONE where a logit is no number, or nothing can be chosen. */
export const LARGEST_OF_TEXT = `
struct Largest { value: f32, id: u32 }
fn largestOf(text: u32) -> Largest {
  var largest = Largest(-LARGEST, NONE);
  for (var s = 0u; s < p.segments; s++) {
    let at = p.maxima + (text * p.segments + s) * 2;
    let value = bitcast<f32>(choice[at]);
    if (value > largest.value) { largest = Largest(value, choice[at + 1]); }
  }
  return largest;
}`;

/** Runs `body` for each id `i` of the segment that an invocation has. */
export const eachOfSegment = (body: string): string => `
  for (var i = segment * p.size + lane; i < min((segment + 1) * p.size, p.vocab); i += ${SIZE}) {${body}
  }`;

export const SEGMENT = `
  let text = group / p.segments;
  let segment = group % p.segments;`;

/**
 * Levels and weights, and what a dispatch leaves for the next. `level` and `ties` are the cut so far: all levels below it stay, and of the logits at it so
 * many, those with the lowest ids, or all for NONE. The rest is of the search at hand: its bins, how many logits and what mass are still wanted of the last
 * one, and the mass of all levels below that.
 */
const PROGRESS = `
const EXCLUDED = 0x1000000u;
fn levelAt(text: u32, id: u32, top: f32) -> u32 {
  let x = logitAt(text, id);
  if (!isPossible(x)) { return EXCLUDED; }
  let depth = (top - x) / setting(${SETTING.temperature});
  if (!(depth < 31.9)) { return EXCLUDED; }
  return u32(max(depth, 0.0) * 524288.0 + 0.5);
}
fn weightOf(level: u32) -> u32 { return u32(exactExp(f32(level) * -1.9073486328125e-6) * 268435456.0 + 0.5); }
struct Progress { top: f32, level: u32, ties: u32, path: u32, count: u32, mass: vec2<u32>, below: vec2<u32> }
fn begun(text: u32) -> Progress {
  return Progress(largestOf(text).value, EXCLUDED - 1, NONE, 0, choice[p.settings + ${SETTING.topK}], vec2<u32>(), vec2<u32>());
}
fn placeOf(stage: u32, text: u32) -> u32 { return p.progress + (stage * p.batch + text) * ${PROGRESS_WORDS}; }
fn progressOf(stage: u32, text: u32) -> Progress {
  let a = placeOf(stage, text);
  let mass = vec2<u32>(choice[a + 5], choice[a + 6]);
  let below = vec2<u32>(choice[a + 7], choice[a + 8]);
  return Progress(bitcast<f32>(choice[a]), choice[a + 1], choice[a + 2], choice[a + 3], choice[a + 4], mass, below);
}
fn keep(stage: u32, text: u32, own: Progress) {
  let a = placeOf(stage, text);
  choice[a] = bitcast<u32>(own.top);
  choice[a + 1] = own.level;
  choice[a + 2] = own.ties;
  choice[a + 3] = own.path;
  choice[a + 4] = own.count;
  choice[a + 5] = own.mass.x;
  choice[a + 6] = own.mass.y;
  choice[a + 7] = own.below.x;
  choice[a + 8] = own.below.y;
}`;

/** Running sums of a count and a mass over the invocations of a workgroup. */
const SUMS = `
var<workgroup> sums: array<vec3<u32>, ${SIZE}>;
fn sumUp(lane: u32, own: vec3<u32>) {
  workgroupBarrier();
  sums[lane] = own;
  for (var apart = 1u; apart < ${SIZE}; apart <<= 1) {
    workgroupBarrier();
    var other = vec3<u32>();
    if (lane >= apart) { other = sums[lane - apart]; }
    workgroupBarrier();
    sums[lane] = vec3<u32>(sums[lane].x + other.x, tidied(sums[lane].yz + other.yz));
  }
  workgroupBarrier();
}
fn sumBefore(lane: u32) -> vec3<u32> {
  if (lane == 0) { return vec3<u32>(); }
  return sums[lane - 1];
}`;

/** What draws need of the text, the cut and the sums. */
export const drawingWgsl = (isPreferring: boolean): string =>
  `${EXP}${MASSES}${logitsWgsl(isPreferring)}${LARGEST_OF_TEXT}${PROGRESS}${SUMS}`;

/**
 * Searches in histograms, one bin at a time, by how many logits or what mass there are up to it. `addUp` adds the segments of a histogram; all invocations
 * of a workgroup call each of them.
 */
export const SEARCH = `
var<workgroup> bin: u32;
fn binsOf(histogram: u32, text: u32, segment: u32) -> u32 {
  return p.histograms + ((histogram * p.batch + text) * p.segments + segment) * ${3 * BINS};
}
fn addUp(histogram: u32, text: u32, lane: u32) {
  var own = vec3<u32>();
  for (var s = 0u; s < p.segments; s++) {
    let at = binsOf(histogram, text, s) + lane;
    own += vec3<u32>(choice[at], choice[at + ${BINS}], choice[at + ${2 * BINS}]);
  }
  sumUp(lane, vec3<u32>(own.x, tidied(own.yz)));
}
fn byCount(lane: u32, given: Progress) -> Progress {
  var own = given;
  own.count = min(own.count, sums[${SIZE - 1}].x);
  if (sums[lane].x >= own.count && sumBefore(lane).x < own.count) { bin = lane; }
  workgroupBarrier();
  own.path = (own.path << 8) | bin;
  own.count -= sumBefore(bin).x;
  own.below = tidied(own.below + sumBefore(bin).yz);
  return own;
}
fn byMass(lane: u32, given: Progress) -> Progress {
  var own = given;
  if (!less(sums[lane].yz, own.mass) && (lane == 0 || less(sumBefore(lane).yz, own.mass))) { bin = lane; }
  workgroupBarrier();
  own.path = (own.path << 8) | bin;
  own.mass = minus(own.mass, sumBefore(bin).yz);
  return own;
}
fn cutByCount(given: Progress) -> Progress {
  var own = given;
  own.level = own.path;
  own.ties = own.count;
  own.path = 0;
  own.mass = tidied(own.below + times(own.ties, weightOf(own.level)));
  return own;
}
fn cutByMass(given: Progress) -> Progress {
  var own = given;
  let weight = weightOf(own.path);
  var fewest = 1u;
  if (weight > 0) {
    fewest = max(1, u32((f32(own.mass.x) * 65536.0 + f32(own.mass.y)) / f32(weight)));
    if (fewest > 1 && !less(times(fewest - 1, weight), own.mass)) { fewest--; }
    if (less(times(fewest, weight), own.mass)) { fewest++; }
  }
  own.ties = select(fewest, min(fewest, own.ties), own.path == own.level);
  own.level = own.path;
  return own;
}`;
