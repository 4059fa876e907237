/// <reference types="@webgpu/types" />
/** Products of a few rows: what a token costs. */
import type { WeightType } from '@densessm/ssm-core';
import type { ConvolutionStep, GatherStep, ProductStep, RmsNormStep, SiluStep } from '../../../decode/recorded-steps';
import type { GpuMatrix } from '../packed/packed-matrix';
import { BLOCK } from '../packed/row-layout';
import { weightAt, weightBuffers, weightFunctions, weightInputs } from '../packed/weights-wgsl';
import { type Program, variants } from '../program';
import { offsetOf } from './arena';
import { type Choice, named, productProgram, ROWS, SIZE } from './product-program';
import { type StepDispatch, stepName } from './step';

/** Texts that a dispatch reads the weights once for. */
const MOST_TEXTS = 8;
/** Invocations of four outputs are at least as many, so that each text has one that writes. */
const LEAST_LANES = 8;

/** What the dispatches of a product do beside it. */
export interface Around {
  /** Of x; its y is not written. */
  readonly norm?: RmsNormStep;
  /** Of some of the outputs; one of the two at most. */
  readonly convolution?: ConvolutionStep;
  readonly silu?: SiluStep;
}

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

/** A product to be done, with what is done beside it. */
export interface Product {
  readonly matrix: GpuMatrix;
  readonly step: Omit<ProductStep, 'matrix'>;
  readonly around: Around;
}

/** A part of a matrix times few texts. */
interface Piece {
  readonly choice: Choice;
  readonly buffers: { readonly weights: GPUBuffer; readonly scales?: GPUBuffer };
  readonly params: Readonly<Record<string, number>>;
  readonly groups: number;
}

function piecesOf({ matrix, step, around }: Product, batch: number): Piece[] {
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
  const pieces: Piece[] = [];
  for (const { first, rows, ...buffers } of matrix.parts)
    for (let text = 0; text < batch; text += MOST_TEXTS) {
      const texts = Math.min(MOST_TEXTS, batch - text);
      const choice: Choice = {
        ...{ type, texts, lanes, isWide, add, bias: bias !== undefined, silu: activation === 'silu' },
        norm: norm === undefined ? 'none' : norm.weight ? 'weighted' : 'plain',
        ...{ taps: taps?.width ?? 0, tapBias: taps?.bias !== undefined, shows: silu !== undefined },
      };
      const params = {
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
      };
      pieces.push({ choice, buffers, params, groups: Math.ceil(rows / (ROWS * (SIZE / lanes))) });
    }
  return pieces;
}

/** Weights and their scales. */
const buffersOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { buffers }) => sum + (buffers.scales ? 2 : 1), 0);

/** The dispatches of products that do not depend on each other: as few as `mostBuffers`, which one may bind beside the arena, allow. */
export function productDispatches(products: readonly Product[], batch: number, mostBuffers: number): StepDispatch[] {
  const dispatches: Piece[][] = [];
  for (const piece of products.flatMap((product) => piecesOf(product, batch))) {
    const beside = dispatches.find(
      (pieces) => pieces[0]?.choice.isWide === piece.choice.isWide && buffersOf([...pieces, piece]) <= mostBuffers,
    );
    if (beside) beside.push(piece);
    else dispatches.push([piece]);
  }
  return dispatches.map(dispatchOf);
}

function dispatchOf(pieces: readonly Piece[]): StepDispatch {
  const groupsOf = (some: readonly Piece[]): number => some.reduce((sum, { groups }) => sum + groups, 0);
  const params = pieces.map((piece, i) => named({ ...piece.params, end: groupsOf(pieces.slice(0, i + 1)) }, i));
  return {
    program: productProgram({ choices: pieces.map(({ choice }) => choice) }),
    inputs: Object.assign({}, ...pieces.map(({ buffers }, i) => weightBuffers(buffers, i))),
    params: Object.assign({}, ...params),
    groups: groupsOf(pieces),
  };
}

const gatherProgram = variants(
  ({ type }: { type: WeightType }): Program => ({
    name: stepName('Gather'),
    inputs: weightInputs(type),
    outputs: { arena: 'f32' },
    params: { count: 'u32', ids: 'u32', y: 'u32', first: 'u32', rows: 'u32', width: 'u32', blocks: 'u32', scaleWords: 'u32' },
    size: SIZE,
    declarations: weightFunctions(type) + weightAt(type),
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
