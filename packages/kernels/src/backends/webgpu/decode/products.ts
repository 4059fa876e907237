/// <reference types="@webgpu/types" />
/** Products of a few rows: what a token costs. A workgroup has 64 invocations, which share four outputs, or several fours of them where rows are short. */
import type { WeightType } from '@densessm/ssm-core';
import type { GatherStep, ProductStep } from '../../../decode/recorded-steps';
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
}

const each = (count: number, text: (i: number) => string): string => Array.from({ length: count }, (_, i) => text(i)).join('\n');

/** Weights times x for one block of four rows: `sum0` … of each text grow. */
function blockOf({ type, texts, isWide }: Choice): string {
  const quads = quadsOf(type);
  const scaled = isQuantized(type);
  const x = (text: number, quad: number): string =>
    isWide
      ? `arena[(p.x + ${text} * p.stride) / 4 + b * ${quads} + ${quad}]`
      : `four4(p.x + ${text} * p.stride, b * ${BLOCK[type]} + ${4 * quad})`;
  const columns = each(
    quads,
    (quad) => `    {
${each(ROWS, (row) => `      let w${row} = ${quadOf(type, `block${row}`, quad)};`)}
${each(texts, (text) => `      { let v = ${x(text, quad)}; ${scaled ? 'part' : 'sum'}${text} += vec4<f32>(dot(w0, v), dot(w1, v), dot(w2, v), dot(w3, v)); }`)}
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

const write = (choice: Choice): string =>
  choice.isWide
    ? `    var value = sum;${finish(choice, '(y + row) / 4', '(p.bias + row) / 4', 'silu4')}`
    : `    for (var r = 0u; r < min(${ROWS}u, p.rows - row); r++) {
    var value = sum[r];${finish(choice, 'y + row + r', 'p.bias + row + r', 'silu')}
    }`;

const productProgram = variants(
  (choice: Choice): Program => ({
    name: stepName('Product'),
    inputs: weightInputs(choice.type),
    outputs: { arena: choice.isWide ? 'vec4<f32>' : 'f32' },
    params: {
      ...{ x: 'u32', stride: 'u32', y: 'u32', out: 'u32', bias: 'u32' },
      ...{ rows: 'u32', width: 'u32', blocks: 'u32', scaleWords: 'u32' },
    },
    size: SIZE,
    declarations: `${choice.silu ? SIGMOID : ''}${weightFunctions(choice.type)}
fn silu4(x: vec4<f32>) -> vec4<f32> { return ${choice.silu ? 'vec4<f32>(silu(x.x), silu(x.y), silu(x.z), silu(x.w))' : 'x'}; }
${choice.isWide ? '' : FOUR_AT}
var<workgroup> sums: array<vec4<f32>, ${SIZE * choice.texts}>;`,
    main: `
  let part = lane % ${choice.lanes};
  let row = ${ROWS} * (group * ${SIZE / choice.lanes} + lane / ${choice.lanes});
${each(ROWS, (r) => `  let row${r} = min(row + ${r}, p.rows - 1);`)}
${each(choice.texts, (text) => `  var sum${text} = vec4<f32>();`)}
  for (var b = part; b < p.blocks; b += ${choice.lanes}) {
${each(ROWS, (r) => `    let block${r} = weights[row${r} * p.blocks + b];`)}
${blockOf(choice)}
  }
${each(choice.texts, (text) => `  sums[${text * SIZE} + lane] = sum${text};`)}
  for (var half = ${choice.lanes / 2}u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (part < half) {
${each(choice.texts, (text) => `      sums[${text * SIZE} + lane] += sums[${text * SIZE} + lane + half];`)}
    }
  }
  workgroupBarrier();
  if (part < ${choice.texts} && row < p.rows) {
    let y = p.y + part * p.out;
    let sum = sums[part * ${SIZE} + lane - part];
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

/** The dispatches of a product: one for each part of the matrix and few texts. */
export function productDispatches(matrix: GpuMatrix, batch: number, step: Omit<ProductStep, 'matrix'>): StepDispatch[] {
  const { x, y, bias, add = false, activation, stride = matrix.shape[1] } = step;
  const [out, width] = matrix.shape;
  const { type, blocks, scaleWords } = matrix;
  const lanes = Math.min(SIZE, Math.max(LEAST_LANES, 2 ** Math.ceil(Math.log2(blocks))));
  const offsets = [offsetOf(x), stride, offsetOf(y), out, bias ? offsetOf(bias) : 0];
  const isWide = blocks * BLOCK[type] === width && offsets.every((offset) => offset % 4 === 0);
  const dispatches: StepDispatch[] = [];
  for (const { first, rows, weights, scales } of matrix.parts)
    for (let text = 0; text < batch; text += MOST_TEXTS) {
      const texts = Math.min(MOST_TEXTS, batch - text);
      const choice = { type, texts, lanes, isWide, add, bias: bias !== undefined, silu: activation === 'silu' };
      dispatches.push({
        program: productProgram(choice),
        inputs: { weights, ...(scales && { scales }) },
        params: {
          ...{ x: offsetOf(x) + text * stride, stride, y: offsetOf(y) + text * out + first, out },
          ...{ bias: bias ? offsetOf(bias) + first : 0, rows, width, blocks, scaleWords },
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
