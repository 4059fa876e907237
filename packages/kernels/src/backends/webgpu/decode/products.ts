/// <reference types="@webgpu/types" />
/** Products of a few rows: what a token costs. A workgroup has 64 invocations, which share four outputs, or several fours of them where rows are short. */
import type { WeightType } from '@densessm/ssm-core';
import type { ConvolutionStep, GatherStep, ProductStep, RmsNormStep, SiluStep } from '../../../decode/recorded-steps';
import { SIGMOID } from '../math';
import type { GpuMatrix } from '../packed/packed-matrix';
import { BLOCK, isQuantized } from '../packed/row-layout';
import { groupOf, quadOf, quadsOf, weightAt, weightFunctions, weightInputs } from '../packed/weights-wgsl';
import { type Program, variants } from '../program';
import { offsetOf } from './arena';
import { type StepDispatch, stepName } from './step';

const SIZE = 64;
/** Outputs that an invocation sums at once. */
const ROWS = 4;
/** Texts that a dispatch reads the weights once for. */
const MOST_TEXTS = 8;
/** Invocations of four outputs are at least as many, so that each text has one that writes. */
const LEAST_LANES = 8;

interface Choice {
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

/** What the dispatches of a product do beside it. */
export interface Around {
  /** Of x; its y is not written. */
  readonly norm?: RmsNormStep;
  /** Of some of the outputs; one of the two at most. */
  readonly convolution?: ConvolutionStep;
  readonly silu?: SiluStep;
}

const each = (count: number, text: (i: number) => string): string => Array.from({ length: count }, (_, i) => text(i)).join('\n');

/** Weights times x for one block of four rows: `sum0` … of each text grow. */
function blockOf({ type, texts, isWide, norm }: Choice): string {
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

const productProgram = variants(
  (choice: Choice): Program => ({
    name: stepName('Product'),
    inputs: weightInputs(choice.type),
    outputs: { arena: choice.isWide ? 'vec4<f32>' : 'f32' },
    params: {
      ...{ x: 'u32', stride: 'u32', y: 'u32', out: 'u32', bias: 'u32' },
      ...{ rows: 'u32', width: 'u32', blocks: 'u32', scaleWords: 'u32' },
      ...(choice.norm !== 'none' && NORM),
      ...(choice.taps > 0 && CONVOLUTION),
      ...(choice.shows && SHOWN),
    },
    size: SIZE,
    declarations: `${choice.silu || choice.taps > 0 || choice.shows ? SIGMOID : ''}${weightFunctions(choice.type)}
fn silu4(x: vec4<f32>) -> vec4<f32> { return ${choice.silu || choice.shows ? 'vec4<f32>(silu(x.x), silu(x.y), silu(x.z), silu(x.w))' : 'x'}; }
${choice.isWide ? '' : FOUR_AT}
var<workgroup> sums: array<vec4<f32>, ${SIZE * choice.texts}>;
${choice.norm === 'none' ? '' : `var<workgroup> squares: array<f32, ${SIZE * choice.texts}>;`}`,
    main: `
  let part = lane % ${choice.lanes};
  let row = ${ROWS} * (group * ${SIZE / choice.lanes} + lane / ${choice.lanes});
${each(ROWS, (r) => `  let row${r} = min(row + ${r}, p.rows - 1);`)}
${each(choice.texts, (text) => `  var sum${text} = vec4<f32>();${choice.norm === 'none' ? '' : ` var squares${text} = 0.0;`}`)}
  for (var b = part; b < p.blocks; b += ${choice.lanes}) {
${each(ROWS, (r) => `    let block${r} = weights[row${r} * p.blocks + b];`)}
${blockOf(choice)}
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
  }`,
  }),
);

/** Four values of x, those past its end 0: they are another's, and 0 times infinity is not 0. */
const FOUR_AT = `
fn four4(x: u32, k: u32) -> vec4<f32> {
  var v = vec4<f32>();
  for (var i = 0u; i < min(4u, max(p.width, k) - k); i++) { v[i] = arena[x + k + i]; }
  return v;
}`;

const isWideProduct = ({ type, blocks, shape: [, width] }: GpuMatrix, offsets: readonly number[]): boolean =>
  blocks * BLOCK[type] === width && offsets.every((offset) => offset % 4 === 0);

/** Whether the dispatches of a product can do a convolution of some of its outputs: its channels come in fours, and so does all else. */
export function canConvolve(matrix: GpuMatrix, step: Omit<ProductStep, 'matrix'>, taps: ConvolutionStep): boolean {
  const { x, y, bias, add, activation, stride = matrix.shape[1] } = step;
  const [out] = matrix.shape;
  const first = offsetOf(taps.x) - offsetOf(y);
  const slots = [x, y, taps.w, taps.tail, taps.y, ...[bias, taps.bias].filter((one) => one !== undefined)].map(offsetOf);
  const isInside = first >= 0 && first + taps.channels <= out && taps.stride === out && !add && activation === undefined;
  return isInside && isWideProduct(matrix, [...slots, first, out, stride, taps.channels, ...matrix.parts.map((part) => part.first)]);
}

/** Whether the dispatches of a product can write the SiLU of some of its outputs as well. */
export function canShow(matrix: GpuMatrix, { y, add, activation }: Omit<ProductStep, 'matrix'>, { x, stride, size }: SiluStep): boolean {
  const [out] = matrix.shape;
  const first = offsetOf(x) - offsetOf(y);
  return first >= 0 && first + size <= out && stride === out && !add && activation === undefined;
}

/** The dispatches of a product: one for each part of the matrix and few texts. */
export function productDispatches(
  matrix: GpuMatrix,
  batch: number,
  step: Omit<ProductStep, 'matrix'>,
  around: Around = {},
): StepDispatch[] {
  const { norm, convolution: taps, silu } = around;
  const { y, bias, add = false, activation, stride = matrix.shape[1] } = step;
  const x = norm?.x ?? step.x;
  const [out, width] = matrix.shape;
  const { type, blocks, scaleWords } = matrix;
  const lanes = Math.min(SIZE, Math.max(LEAST_LANES, 2 ** Math.ceil(Math.log2(blocks))));
  const offsets = [offsetOf(x), stride, offsetOf(y), out, bias ? offsetOf(bias) : 0];
  const ofNorm = norm && { gain: norm.weight ? offsetOf(norm.weight) : 0, eps: norm.eps };
  const ofSilu = silu && { shown: offsetOf(silu.x) - offsetOf(y), size: silu.size, shows: offsetOf(silu.y) };
  const firsts = silu ? matrix.parts.map(({ first }) => first) : [];
  const isWide = isWideProduct(matrix, [...offsets, ofNorm?.gain ?? 0, ...Object.values(ofSilu ?? {}), ...firsts]);
  const dispatches: StepDispatch[] = [];
  for (const { first, rows, weights, scales } of matrix.parts)
    for (let text = 0; text < batch; text += MOST_TEXTS) {
      const texts = Math.min(MOST_TEXTS, batch - text);
      const choice: Choice = {
        ...{ type, texts, lanes, isWide, add, bias: bias !== undefined, silu: activation === 'silu' },
        norm: norm === undefined ? 'none' : norm.weight ? 'weighted' : 'plain',
        ...{ taps: taps?.width ?? 0, tapBias: taps?.bias !== undefined, shows: silu !== undefined },
      };
      dispatches.push({
        program: productProgram(choice),
        inputs: { weights, ...(scales && { scales }) },
        params: {
          ...{ x: offsetOf(x) + text * stride, stride, y: offsetOf(y) + text * out + first, out },
          ...{ bias: bias ? offsetOf(bias) + first : 0, rows, width, blocks, scaleWords },
          ...ofNorm,
          ...(ofSilu && { ...ofSilu, first, text }),
          ...(taps && { first, convolved: offsetOf(taps.x) - offsetOf(y), channels: taps.channels, text }),
          ...(taps && {
            taps: offsetOf(taps.w),
            tapBias: taps.bias ? offsetOf(taps.bias) : 0,
            tail: offsetOf(taps.tail),
            mixed: offsetOf(taps.y),
          }),
        },
        groups: Math.ceil(rows / (ROWS * (SIZE / lanes))),
      });
    }
  return dispatches;
}

const gatherProgram = variants(
  ({ type }: { type: WeightType }): Program => ({
    name: stepName('Gather'),
    inputs: weightInputs(type),
    outputs: { arena: 'f32' },
    params: { count: 'u32', ids: 'u32', y: 'u32', first: 'u32', rows: 'u32', width: 'u32', blocks: 'u32', scaleWords: 'u32' },
    size: SIZE,
    declarations: weightAt(type),
    main: `
  let i = group * ${SIZE} + lane;
  if (i >= p.count) { return; }
  let id = u32(arena[p.ids + i / p.width]);
  if (id >= p.first && id < p.first + p.rows) { arena[p.y + i] = weightAt(id - p.first, i % p.width); }`,
  }),
);

/** Rows by the ids at a slot, which are floats: shaders may take the bits of small integers for zeros. */
export function gatherDispatches(matrix: GpuMatrix, batch: number, ids: number, { y }: Pick<GatherStep, 'y'>): StepDispatch[] {
  const { type, blocks, scaleWords } = matrix;
  const width = matrix.shape[1];
  const count = batch * width;
  return matrix.parts.map(({ first, rows, weights, scales }) => ({
    program: gatherProgram({ type }),
    inputs: { weights, ...(scales && { scales }) },
    params: { count, ids, y: offsetOf(y), first, rows, width, blocks, scaleWords },
    groups: Math.ceil(count / SIZE),
  }));
}
