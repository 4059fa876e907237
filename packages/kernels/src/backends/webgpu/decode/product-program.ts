/** The program of products of a few rows. A workgroup has 64 invocations, which share four outputs, or several fours of them where rows are short. */
import type { WeightType } from '@densessm/ssm-core';
import { SIGMOID } from '../math';
import { BLOCK, isQuantized } from '../packed/row-layout';
import { quadOf, quadsOf, scaleAt, weightFunctions, weightInputs } from '../packed/weights-wgsl';
import { type Program, variants } from '../program';
import { stepName } from './step';

export const SIZE = 64;
/** Outputs that an invocation sums at once. */
export const ROWS = 4;
export interface Choice {
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

/** Weights times x for one block of four rows of the matrix with that name: `sum0` … of each text grow. */
function blockOf({ type, texts, isWide, norm }: Choice, name: number): string {
  const quads = quadsOf(type);
  const scaled = isQuantized(type);
  const x = (text: number, quad: number): string =>
    isWide
      ? `arena[(p.x + ${text} * p.stride) / 4 + b * ${quads} + ${quad}]`
      : `four4(p.x + ${text} * p.stride, b * ${BLOCK[type]} + ${4 * quad}, p.width)`;
  const gain = (quad: number): string =>
    isWide ? `arena[p.gain / 4 + b * ${quads} + ${quad}]` : `four4(p.gain, b * ${BLOCK[type]} + ${4 * quad}, p.width)`;
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
  const scales = Array.from({ length: ROWS }, (_, row) => scaleAt(type, `row${row}`, 'b', name, 'p.scaleWords')).join(', ');
  return `${each(texts, (text) => `    var part${text} = vec4<f32>();`)}
${columns}
    let scale = vec4<f32>(${scales});
${each(texts, (text) => `    sum${text} = fma(scale, part${text}, sum${text});`)}`;
}

/** What an output becomes of its product, at a place of y. */
const finish = ({ add, bias, silu }: Choice, at: string, biasAt: string, apply: string): string => `
${bias ? `    value += arena[${biasAt}];` : ''}
${add ? `    value += arena[${at}];` : ''}
${silu ? `    value = ${apply}(value);` : ''}
    arena[${at}] = value;`;

/**
 * The convolution of four outputs, which lie in one vector, as those of {@link convolutionDispatch}: tails of four channels are as many vectors as
 * each has values.
 */
function convolve({ taps, tapBias }: Choice): string {
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

const write = (choice: Choice): string =>
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

/** The numbers of a product. */
const paramsOf = ({ norm, taps, shows }: Choice): Program['params'] => ({
  ...{ x: 'u32', stride: 'u32', y: 'u32', out: 'u32', bias: 'u32' },
  ...{ rows: 'u32', width: 'u32', blocks: 'u32', scaleWords: 'u32' },
  ...(norm !== 'none' && NORM),
  ...(taps > 0 && CONVOLUTION),
  ...(shows && SHOWN),
});

export const named = <T>(values: Readonly<Record<string, T>>, name: number): Record<string, T> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [`${key}${name}`, value]));

/** Products side by side, each with workgroups, weights and numbers of its own: `p.end0` and so on are where their workgroups end. */
export const productProgram = variants(({ choices }: { choices: readonly Choice[] }): Program => {
  const [{ isWide } = { isWide: false }] = choices;
  const sizes = SIZE * Math.max(...choices.map(({ texts }) => texts));
  const hasSilu = choices.some(({ silu, taps, shows }) => silu || taps > 0 || shows);
  return {
    name: stepName('Product'),
    inputs: Object.assign({}, ...choices.map(({ type }, i) => weightInputs(type, i))),
    outputs: { arena: isWide ? 'vec4<f32>' : 'f32' },
    params: Object.assign({}, ...choices.map((choice, i) => named({ end: 'u32', ...paramsOf(choice) }, i))),
    size: SIZE,
    declarations: `${hasSilu ? `${SIGMOID}\n${SILU_4}` : ''}${weightFunctions(...choices.map(({ type }) => type))}
${isWide ? '' : FOUR_AT}
var<workgroup> sums: array<vec4<f32>, ${sizes}>;
${choices.every(({ norm }) => norm === 'none') ? '' : `var<workgroup> squares: array<f32, ${sizes}>;`}
${choices.map(productWgsl).join('\n')}`,
    main: choices.map(callOf).join(' else '),
  };
});

/** The product with number `i`, of whose workgroups the first is where those of the one before end. */
function callOf(choice: Choice, i: number): string {
  const numbers = Object.keys(paramsOf(choice)).map((name) => `p.${name}${i}`);
  const first = i === 0 ? '' : ` - p.end${i - 1}`;
  return `  if (group < p.end${i}) { product${i}(Product${i}(${numbers.join(', ')}), group${first}, lane); }`;
}

/** A product as a function of its own numbers, which it calls `p`. */
const productWgsl = (choice: Choice, name: number): string => `
struct Product${name} { ${Object.entries(paramsOf(choice))
  .map(([param, type]) => `${param}: ${type}`)
  .join(', ')} }
fn product${name}(p: Product${name}, group: u32, lane: u32) {
  let part = lane % ${choice.lanes};
  let row = ${ROWS} * (group * ${SIZE / choice.lanes} + lane / ${choice.lanes});
${each(ROWS, (r) => `  let row${r} = min(row + ${r}, p.rows - 1);`)}
${each(choice.texts, (text) => `  var sum${text} = vec4<f32>();${choice.norm === 'none' ? '' : ` var squares${text} = 0.0;`}`)}
  for (var b = part; b < p.blocks; b += ${choice.lanes}) {
${each(ROWS, (r) => `    let block${r} = weights${name}[row${r} * p.blocks + b];`)}
${blockOf(choice, name)}
  }
${each(choice.texts, (text) => `  sums[${text * SIZE} + lane] = sum${text};${choice.norm === 'none' ? '' : ` squares[${text * SIZE} + lane] = squares${text};`}`)}
  for (var half = ${choice.lanes / 2}u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (part < half) {
${each(choice.texts, (text) => `      sums[${text * SIZE} + lane] += sums[${text * SIZE} + lane + half];${choice.norm === 'none' ? '' : ` squares[${text * SIZE} + lane] += squares[${text * SIZE} + lane + half];`}`)}
    }
  }
  workgroupBarrier();
  if (part < ${choice.texts} && row < p.rows) {
    let y = p.y + part * p.out;
    let sum = sums[part * ${SIZE} + lane - part]${choice.norm === 'none' ? '' : ` / sqrt(squares[part * ${SIZE} + lane - part] / f32(p.width) + p.eps)`};
${write(choice)}
  }
}`;

const SILU_4 = 'fn silu4(x: vec4<f32>) -> vec4<f32> { return vec4<f32>(silu(x.x), silu(x.y), silu(x.z), silu(x.w)); }';

/** Four values of x, those past its end 0: they are another's, and 0 times infinity is not 0. */
const FOUR_AT = `
fn four4(x: u32, k: u32, width: u32) -> vec4<f32> {
  var v = vec4<f32>();
  for (var i = 0u; i < min(4u, max(width, k) - k); i++) { v[i] = arena[x + k + i]; }
  return v;
}`;
