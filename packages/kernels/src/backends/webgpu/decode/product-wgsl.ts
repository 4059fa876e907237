/** WGSL of products of a few rows. A workgroup has 64 invocations, which share four outputs, or several fours of them where rows are short. */
import type { WeightType } from '@densessm/ssm-core';
import { SIGMOID } from '../math';
import { BLOCK, isQuantized } from '../packed/row-layout';
import { groupOf, quadFunctions, quadOf, quadsOf, scaleFunction, weightInputs } from '../packed/weights-wgsl';
import { type Program, variants } from '../program';
import { stepName } from './step';

export const SIZE = 64;
/** Outputs that an invocation sums at once. */
export const ROWS = 4;
/** What a product's part of a program depends on. */
export interface ProductChoice {
  type: WeightType;
  texts: number;
  /** Invocations that share four outputs. */
  lanes: number;
  /** Whether all slots and rows begin at multiples of four. */
  isWide: boolean;
  add: boolean;
  bias: boolean;
  silu: boolean;
  /** Whether x is normed on its way, and with a gain for each value. */
  norm: 'none' | 'plain' | 'weighted';
  /** Inputs of the convolution of some of the outputs, 0 where there is none, and whether it has a bias. */
  taps: number;
  tapBias: boolean;
  /** Whether the SiLU of some of the outputs is written as well. */
  shows: boolean;
}

const each = (count: number, text: (i: number) => string): string => Array.from({ length: count }, (_, i) => text(i)).join('\n');

/** Weights times x for one block of four rows: `sum0` … of each text grow. */
function blockOf({ type, texts, isWide, norm }: ProductChoice): string {
  const quads = quadsOf(type);
  const scaled = isQuantized(type);
  const x = (text: number, quad: number): string =>
    isWide
      ? `arena[(p.x + ${text} * p.stride) / 4 + b * ${quads} + ${quad}]`
      : `four4(p.x + ${text} * p.stride, b * ${BLOCK[type]} + ${4 * quad})`;
  const gain = (quad: number): string =>
    isWide ? `arena[p.gain / 4 + b * ${quads} + ${quad}]` : `four4(p.gain, b * ${BLOCK[type]} + ${4 * quad})`;
  const normed = (text: number, quad: number): string =>
    norm === 'none' ? '' : `squares${text} += dot(v, v);${norm === 'weighted' ? ` v *= ${gain(quad)};` : ''}`;
  const columns = each(
    quads,
    (quad) => `    {
${each(ROWS, (row) => `      let w${row} = ${quadOf(type, `block${row}`, quad)};`)}
${each(texts, (text) => `      { var v = ${x(text, quad)}; ${normed(text, quad)} ${scaled ? 'part' : 'sum'}${text} += vec4<f32>(dot(w0, v), dot(w1, v), dot(w2, v), dot(w3, v)); }`)}
    }`,
  );
  if (!scaled) return columns;
  const scales = Array.from({ length: ROWS }, (_, row) => `scaleAt(row${row}, ${groupOf(type, 'b')})`).join(', ');
  return `${each(texts, (text) => `    var part${text} = vec4<f32>();`)}
${columns}
    let scale = vec4<f32>(${scales});
${each(texts, (text) => `    sum${text} = fma(scale, part${text}, sum${text});`)}`;
}

/** What an output becomes of its product, at a place of y. */
const finish = ({ add, bias, silu }: ProductChoice, at: string, biasAt: string, apply: string): string => `
${bias ? `    value += arena[${biasAt}];` : ''}
${add ? `    value += arena[${at}];` : ''}
${silu ? `    value = ${apply}(value);` : ''}
    arena[${at}] = value;`;

/**
 * The convolution of four outputs, which lie in one vector, as those of {@link convolutionDispatch}: tails of four channels are as many vectors as
 * each has values.
 */
function convolve({ taps, tapBias }: ProductChoice): string {
  const before = taps - 1;
  const float = (index: string): string => `arena[(${index}) / 4][(${index}) % 4]`;
  const channel = (c: number): string => {
    const terms = each(before, (j) => `      sum${c} = fma(${float(`w + ${c * taps + j}`)}, tail[${c * before + j}], sum${c});`);
    return `      var sum${c} = ${tapBias ? float(`p.tapBias + c + ${c}`) : '0.0'};
${terms}
      sum${c} = fma(${float(`w + ${c * taps + before}`)}, value[${c}], sum${c});`;
  };
  const kept = (i: number): string => (i % before === before - 1 ? `value[${Math.floor(i / before)}]` : `tail[${i + 1}]`);
  return `
    let c = row + p.first - p.convolved;
    if (row + p.first >= p.convolved && c < p.channels) {
      let w = p.taps + c * ${taps};
      let old = (p.tail + ((p.text + part) * p.channels + c) * ${before}) / 4;
      var tail: array<f32, ${Math.max(1, 4 * before)}>;
${each(4 * before, (i) => `      tail[${i}] = arena[old + ${i >> 2}][${i & 3}];`)}
${each(4, channel)}
${each(before, (q) => `      arena[old + ${q}] = vec4<f32>(${[0, 1, 2, 3].map((i) => kept(4 * q + i)).join(', ')});`)}
      arena[(p.mixed + (p.text + part) * p.channels + c) / 4] = vec4<f32>(silu(sum0), silu(sum1), silu(sum2), silu(sum3));
    }`;
}

/** Writes the SiLU of an output, or of four of them, where it is wanted. */
const show = (row: string, at: (index: string) => string, apply: string): string => `
    let c = ${row} + p.first - p.shown;
    if (${row} + p.first >= p.shown && c < p.size) { arena[${at('p.shows + (p.text + part) * p.size + c')}] = ${apply}(value); }`;

const write = (choice: ProductChoice): string =>
  choice.isWide
    ? `    var value = sum;${finish(choice, '(y + row) / 4', '(p.bias + row) / 4', 'silu4')}${choice.taps > 0 ? convolve(choice) : ''}${choice.shows ? show('row', (index) => `(${index}) / 4`, 'silu4') : ''}`
    : `    for (var r = 0u; r < min(${ROWS}u, p.rows - row); r++) {
    var value = sum[r];${finish(choice, 'y + row + r', 'p.bias + row + r', 'silu')}${choice.shows ? show('row + r', (index) => index, 'silu') : ''}
    }`;

/** The numbers of a convolution of some outputs: the first of them, its channels, its slots, and the texts before these. */
const CONVOLUTION: Program['params'] = {
  ...{ first: 'u32', convolved: 'u32', channels: 'u32', text: 'u32' },
  ...{ taps: 'u32', tapBias: 'u32', tail: 'u32', mixed: 'u32' },
};
/** The same of a SiLU: the first output that it is of, how many those are, and where it goes. */
const SHOWN: Program['params'] = { first: 'u32', text: 'u32', shown: 'u32', size: 'u32', shows: 'u32' };
const NORM: Program['params'] = { gain: 'u32', eps: 'f32' };

/** What a product has of its own in a program: names end with its tag, where it shares the program with others. */
const ownDeclarations = ({ type, isWide, silu, shows }: ProductChoice): string => `${scaleFunction(type)}
fn silu4(x: vec4<f32>) -> vec4<f32> { return ${silu || shows ? 'vec4<f32>(silu(x.x), silu(x.y), silu(x.z), silu(x.w))' : 'x'}; }
${isWide ? '' : FOUR_AT}`;

const numbersOf = (choice: ProductChoice): Program['params'] => ({
  ...{ x: 'u32', stride: 'u32', y: 'u32', out: 'u32', bias: 'u32' },
  ...{ rows: 'u32', width: 'u32', blocks: 'u32', scaleWords: 'u32' },
  ...(choice.norm !== 'none' && NORM),
  ...(choice.taps > 0 && CONVOLUTION),
  ...(choice.shows && SHOWN),
});

const mainOf = (choice: ProductChoice): string => {
  const { lanes, texts } = choice;
  const ofNorm = (text: string): string => (choice.norm === 'none' ? '' : text);
  return `
  let part = lane % ${lanes};
  let row = ${ROWS} * (ownGroup * ${SIZE / lanes} + lane / ${lanes});
${each(ROWS, (r) => `  let row${r} = min(row + ${r}, p.rows - 1);`)}
${each(texts, (text) => `  var sum${text} = vec4<f32>();${ofNorm(` var squares${text} = 0.0;`)}`)}
  for (var b = part; b < p.blocks; b += ${lanes}) {
${each(ROWS, (r) => `    let block${r} = weights[row${r} * p.blocks + b];`)}
${blockOf(choice)}
  }
${each(texts, (text) => `  sums[${text * SIZE} + lane] = sum${text};${ofNorm(` squares[${text * SIZE} + lane] = squares${text};`)}`)}
  for (var half = ${lanes / 2}u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (part < half) {
${each(texts, (text) => `      sums[${text * SIZE} + lane] += sums[${text * SIZE} + lane + half];${ofNorm(` squares[${text * SIZE} + lane] += squares[${text * SIZE} + lane + half];`)}`)}
    }
  }
  workgroupBarrier();
  if (part < ${texts} && row < p.rows) {
    let y = p.y + part * p.out;
    let sum = sums[part * ${SIZE} + lane - part]${ofNorm(` / sqrt(squares[part * ${SIZE} + lane - part] / f32(p.width) + p.eps)`)};
${write(choice)}
  }`;
};

const tagged = (text: string, tag: string): string =>
  text.replaceAll(/\bp\.(\w+)/g, `p.$1${tag}`).replaceAll(/\b(weights|scales|scaleAt|silu4|four4)\b/g, `$1${tag}`);

export const withTag = <T>(record: Readonly<Record<string, T>>, tag: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [`${name}${tag}`, value]));

export const tagOf = (count: number, i: number): string => (count === 1 ? '' : `_${i}`);

/** One or more products, each of some workgroups, one after the other; all are wide or none is, and they have as many texts. */
export const productsProgram = variants(({ choices }: { choices: readonly ProductChoice[] }): Program => {
  const [{ isWide, texts } = { isWide: false, texts: 1 }] = choices;
  const tags = choices.map((_, i) => tagOf(choices.length, i));
  const all = <T>(record: (choice: ProductChoice) => Readonly<Record<string, T>>): Record<string, T> =>
    Object.assign({}, ...choices.map((choice, i) => withTag(record(choice), tags[i] as string)));
  const hasSilu = choices.some(({ silu, taps, shows }) => silu || taps > 0 || shows);
  const functions = new Set(choices.map(({ type }) => quadFunctions(type)));
  const mains = choices.map((choice, i) => {
    const begin = i === 0 ? 'group' : `group - p.begin${tags[i]}`;
    return `{\n  let ownGroup = ${begin};${tagged(mainOf(choice), tags[i] as string)}\n  }`;
  });
  return {
    name: stepName('Product'),
    inputs: all(({ type }) => weightInputs(type)),
    outputs: { arena: isWide ? 'vec4<f32>' : 'f32' },
    params: { ...all(numbersOf), ...Object.fromEntries(tags.slice(1).map((tag) => [`begin${tag}`, 'u32' as const])) },
    size: SIZE,
    declarations: `${hasSilu ? SIGMOID : ''}${[...functions].join('')}${choices.map((choice, i) => tagged(ownDeclarations(choice), tags[i] as string)).join('')}
var<workgroup> sums: array<vec4<f32>, ${SIZE * texts}>;
var<workgroup> squares: array<f32, ${choices.some(({ norm }) => norm !== 'none') ? SIZE * texts : 1}>;`,
    main: mains.map((main, i) => (i === mains.length - 1 ? main : `if (group < p.begin${tags[i + 1]}) ${main} else `)).join(''),
  };
});

/** Four values of x, those past its end 0: they are another's, and 0 times infinity is not 0. */
const FOUR_AT = `
fn four4(x: u32, k: u32) -> vec4<f32> {
  var v = vec4<f32>();
  for (var i = 0u; i < min(4u, max(p.width, k) - k); i++) { v[i] = arena[x + k + i]; }
  return v;
}`;
