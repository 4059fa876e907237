/** The programs of a choice, from the largest logit to the token: see choice-steps.ts for their order. */
import { type Program, variants } from '../program';
import { type ChoiceLayout, SETTING } from './choice-layout';
import { drawingWgsl, eachOfSegment, LARGEST_OF_TEXT, logitsWgsl, SEARCH, SEGMENT, SIZE } from './choice-wgsl';
import { stepName } from './step';

/** Of the layout, what all of them are told. */
export const PLACES = [
  ...['segments', 'size', 'vocab', 'batch', 'counters', 'settings', 'randoms', 'leaving', 'leavingDrawn', 'queue'],
  ...['ids', 'progress', 'maxima', 'histograms', 'kept', 'seen', 'drawn', 'bias'],
] as const satisfies readonly (keyof ChoiceLayout)[];

const choiceProgram = (name: string, more: readonly string[], declarations: string, main: string): Program => ({
  name: stepName(`Choice${name}`),
  inputs: {},
  outputs: { arena: 'f32', choice: 'u32' },
  params: Object.fromEntries([...PLACES, 'logits', ...more].map((key) => [key, 'u32' as const])),
  size: SIZE,
  declarations,
  main,
});

export const maximaProgram = variants(({ isPreferring }: { isPreferring: boolean }) =>
  choiceProgram(
    'Maxima',
    [],
    `${logitsWgsl(isPreferring)}
var<workgroup> bests: array<f32, ${SIZE}>;
var<workgroup> places: array<u32, ${SIZE}>;
fn isBetter(a: u32, b: u32) -> bool { return bests[a] > bests[b] || (bests[a] == bests[b] && places[a] < places[b]); }`,
    `${SEGMENT}
  var best = -LARGEST;
  var place = NONE;
  var isNoNumber = false;
  ${eachOfSegment(`
    let x = logitAt(text, i);
    isNoNumber = isNoNumber || isWrong(ownLogit(text, i)) || isWrong(x);
    if (isPossible(x) && x > best) {
      best = x;
      place = i;
    }`)}
  bests[lane] = select(best, LARGEST, isNoNumber);
  places[lane] = select(place, NONE, isNoNumber);
  for (var half = ${SIZE / 2}u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (lane < half && isBetter(lane + half, lane)) {
      bests[lane] = bests[lane + half];
      places[lane] = places[lane + half];
    }
  }
  if (lane == 0) {
    choice[p.maxima + group * 2] = bitcast<u32>(bests[0]);
    choice[p.maxima + group * 2 + 1] = places[0];
  }`,
  ),
);

/** What a dispatch behind that of the maxima finds out of what those before it left, as `own`. */
export type Search = 'none' | 'count' | 'more count' | 'mass' | 'mass of counted' | 'more mass';

const SEARCHES: Readonly<Record<Search, string>> = {
  none: 'var own = begun(text);',
  count: `var own = progressOf(p.stage - 1, text);
  addUp(0, text, lane);
  own = byCount(lane, own);`,
  'more count': `var own = progressOf(p.stage - 1, text);
  addUp(p.before, text, lane);
  own = byCount(lane, own);`,
  mass: `var own = progressOf(p.stage - 1, text);
  addUp(0, text, lane);
  own.mass = shareOf(sums[${SIZE - 1}].yz, choice[p.settings + ${SETTING.topP}]);
  own = byMass(lane, own);`,
  'mass of counted': `var own = progressOf(p.stage - 1, text);
  addUp(p.before, text, lane);
  own = cutByCount(byCount(lane, own));
  own.mass = shareOf(own.mass, choice[p.settings + ${SETTING.topP}]);
  addUp(0, text, lane);
  own = byMass(lane, own);`,
  'more mass': `var own = progressOf(p.stage - 1, text);
  addUp(p.before, text, lane);
  own = byMass(lane, own);`,
};

const KEEP = `if (segment == 0 && lane == 0) { keep(p.stage, text, own); }`;

interface HistogramChoice {
  isPreferring: boolean;
  search: Search;
  /** Bits of a level behind those of the bin. */
  shift: number;
}

/** A histogram of the levels that begin as the search has found so far. */
export const histogramProgram = variants(({ isPreferring, search, shift }: HistogramChoice) =>
  choiceProgram(
    'Histogram',
    ['stage', 'before', 'histogram'],
    `${drawingWgsl(isPreferring)}${SEARCH}
var<workgroup> numbers: array<atomic<u32>, ${SIZE}>;
var<workgroup> highs: array<atomic<u32>, ${SIZE}>;
var<workgroup> lows: array<atomic<u32>, ${SIZE}>;`,
    `${SEGMENT}
  atomicStore(&numbers[lane], 0u); // Node asks for no zeroed memory: see open-gpu.ts
  atomicStore(&highs[lane], 0u);
  atomicStore(&lows[lane], 0u);
  workgroupBarrier();
  ${SEARCHES[search]}
  ${KEEP}
  ${eachOfSegment(`
    let level = levelAt(text, i, own.top);
    if (level == EXCLUDED${shift === 16 ? '' : ` || (level >> ${shift + 8}) != own.path`}) { continue; }
    let at = (level >> ${shift}) & 255;
    let weight = weightOf(level);
    atomicAdd(&numbers[at], 1u);
    atomicAdd(&highs[at], weight >> 16);
    atomicAdd(&lows[at], weight & 0xffff);`)}
  workgroupBarrier();
  let to = binsOf(p.histogram, text, segment) + lane;
  let mass = tidied(vec2<u32>(atomicLoad(&highs[lane]), atomicLoad(&lows[lane])));
  choice[to] = atomicLoad(&numbers[lane]);
  choice[to + ${SIZE}] = mass.x;
  choice[to + ${2 * SIZE}] = mass.y;`,
  ),
);

const cutOf = (search: Search): string => {
  if (search === 'none') return SEARCHES.none;
  return `${SEARCHES[search]}
  own = ${search === 'more count' ? 'cutByCount' : 'cutByMass'}(own);`;
};

/** The mass that a segment keeps below the cut, and how many of its logits lie at it. */
export const keptProgram = variants(({ isPreferring, search }: { isPreferring: boolean; search: Search }) =>
  choiceProgram(
    'Kept',
    ['stage', 'before'],
    `${drawingWgsl(isPreferring)}${SEARCH}`,
    `${SEGMENT}
  ${cutOf(search)}
  let deepest = choice[p.settings + ${SETTING.deepest}];
  if (deepest < own.level) {
    own.level = deepest;
    own.ties = NONE;
  }
  ${KEEP}
  var sum = vec3<u32>();
  ${eachOfSegment(`
    let level = levelAt(text, i, own.top);
    if (level == own.level) { sum.x++; }
    if (level < own.level) { sum += vec3<u32>(0, weightOf(level) >> 16, weightOf(level) & 0xffff); }`)}
  sumUp(lane, vec3<u32>(sum.x, tidied(sum.yz)));
  if (lane == 0) {
    let all = sums[${SIZE - 1}];
    choice[p.kept + group * 3] = all.x;
    choice[p.kept + group * 3 + 1] = all.y;
    choice[p.kept + group * 3 + 2] = all.z;
  }`,
  ),
);

/** Behind the choice of `id`: notes it, and sets what the token needs of the host. */
const settled = (isPreferring: boolean, uniforms: number): string => `
  if (lane == 0) {
    choice[p.counters + text] = token + 1;
    choice[place] = id;
    arena[p.slot + text] = select(f32(id), 0.0, id == NONE);
${
  isPreferring
    ? `    if (id != NONE) {
      choice[p.seen + text * p.vocab + id]++;
      choice[p.drawn + text * p.vocab + id]++;
      let seen = pushedOut(choice[p.leaving + token * p.batch + text], text);
      if (seen != NONE) { choice[p.seen + text * p.vocab + seen]--; }
      let drawn = pushedOut(choice[p.leavingDrawn + token * p.batch + text], text);
      if (drawn != NONE) { choice[p.drawn + text * p.vocab + drawn]--; }
    }`
    : ''
}
  }
${
  uniforms === 0
    ? ''
    : `  if (text == 0) {
    var next = p.queue + token * p.uniforms;
${Array.from({ length: uniforms }, (_, u) => `    for (var i = lane; i < p.size${u}; i += ${SIZE}) { arena[p.to${u} + i] = bitcast<f32>(choice[next + i]); }\n    next += p.size${u};`).join('\n')}
  }`
}`;

/** A token that leaves the history: its id, or, from 2³¹ on, which one of this run it is. */
const PUSHED_OUT = `
fn pushedOut(leaving: u32, text: u32) -> u32 {
  if (leaving == NONE || leaving < 0x80000000u) { return leaving; }
  return choice[p.ids + (leaving - 0x80000000u) * p.batch + text];
}`;

const BEGIN = `
  let text = group;
  let token = choice[p.counters + text];
  let place = p.ids + token * p.batch + text;`;

interface PickChoice {
  isPreferring: boolean;
  uniforms: number;
}

const pickParams = (uniforms: number): string[] => [
  ...['slot', 'uniforms', 'stage'],
  ...Array.from({ length: uniforms }, (_, u) => [`to${u}`, `size${u}`]).flat(),
];

export const largestProgram = variants(({ isPreferring, uniforms }: PickChoice) =>
  choiceProgram(
    'Largest',
    pickParams(uniforms),
    `${logitsWgsl(isPreferring)}${LARGEST_OF_TEXT}${PUSHED_OUT}`,
    `${BEGIN}
  let id = largestOf(text).id;
  workgroupBarrier();${settled(isPreferring, uniforms)}`,
  ),
);

/** The segment in which a draw ends, how many logits at the cut are kept in it, and what mass is left of the draw. */
const SEGMENT_OF_DRAW = `
struct Draw { segment: u32, ties: u32, mass: vec2<u32> }
var<workgroup> draw: Draw;
var<workgroup> drawn: u32;
fn keptUpTo(sum: vec3<u32>, ties: u32, weight: u32) -> vec2<u32> { return tidied(sum.yz + times(min(sum.x, ties), weight)); }
fn drawOf(random: u32, allTies: u32, weight: u32) -> Draw {
  var total = vec2<u32>();
  var ties = allTies;
  for (var s = 0u; s < p.segments; s++) {
    total = tidied(total + keptUpTo(sums[s], ties, weight));
    ties -= min(sums[s].x, ties);
  }
  var own = Draw(0, allTies, shareOf(total, random));
  for (var s = 0u; s + 1 < p.segments; s++) {
    let kept = keptUpTo(sums[s], own.ties, weight);
    if (less(own.mass, kept)) { break; }
    own = Draw(s + 1, own.ties - min(sums[s].x, own.ties), minus(own.mass, kept));
  }
  return own;
}`;

export const drawProgram = variants(({ isPreferring, uniforms }: PickChoice) =>
  choiceProgram(
    'Draw',
    pickParams(uniforms),
    `${drawingWgsl(isPreferring)}${PUSHED_OUT}${SEGMENT_OF_DRAW}`,
    `${BEGIN}
  let own = progressOf(p.stage - 1, text);
  let weight = weightOf(own.level);
  if (lane < p.segments) {
    let at = p.kept + (text * p.segments + lane) * 3;
    sums[lane] = vec3<u32>(choice[at], choice[at + 1], choice[at + 2]);
  }
  workgroupBarrier();
  if (lane == 0) { draw = drawOf(choice[p.randoms + token * p.batch + text], own.ties, weight); }
  workgroupBarrier();
  let each = (p.size + ${SIZE - 1}) / ${SIZE};
  let first = draw.segment * p.size + lane * each;
  let end = min(min(first + each, (draw.segment + 1) * p.size), p.vocab);
  var sum = vec3<u32>();
  for (var i = first; i < end; i++) {
    let level = levelAt(text, i, own.top);
    if (level == own.level) { sum.x++; }
    if (level < own.level) { sum += vec3<u32>(0, weightOf(level) >> 16, weightOf(level) & 0xffff); }
  }
  sumUp(lane, vec3<u32>(sum.x, tidied(sum.yz)));
  if (less(draw.mass, keptUpTo(sums[lane], draw.ties, weight)) && !less(draw.mass, keptUpTo(sumBefore(lane), draw.ties, weight))) {
    var upTo = sumBefore(lane);
    for (var i = first; i < end; i++) {
      let level = levelAt(text, i, own.top);
      if (level == own.level) { upTo.x++; }
      if (level < own.level) { upTo = vec3<u32>(upTo.x, tidied(upTo.yz + vec2<u32>(weightOf(level) >> 16, weightOf(level) & 0xffff))); }
      if (less(draw.mass, keptUpTo(upTo, draw.ties, weight))) {
        drawn = i;
        break;
      }
    }
  }
  workgroupBarrier();
  let id = select(drawn, NONE, largestOf(text).id == NONE);${settled(isPreferring, uniforms)}`,
  ),
);
