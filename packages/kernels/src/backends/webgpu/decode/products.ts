/// <reference types="@webgpu/types" />
/** Products of a few rows: what a token costs. */
import type { ConvolutionStep, ProductStep, RmsNormStep, SiluStep } from '../../../decode/recorded-steps';
import type { GpuMatrix } from '../packed/packed-matrix';
import { BLOCK } from '../packed/row-layout';
import { quadsOf } from '../packed/weights-wgsl';
import { offsetOf } from './arena';
import { type ProductChoice, productsProgram, ROWS, SIZE, tagOf, withTag } from './product-wgsl';
import type { StepDispatch } from './step';

/** Texts that a dispatch reads the weights once for. */
const MOST_TEXTS = 8;
/** Invocations of four outputs are at least as many, so that each text has one that writes. */
const LEAST_LANES = 8;

/** Quads of weights, times texts, that a shared program has code for: what is longer takes a compiler more time than in proportion. */
const MOST_QUADS = 48;

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

/** A part of a product, which may share a dispatch. */
interface ProductPart {
  readonly choice: ProductChoice;
  readonly inputs: Readonly<Record<string, GPUBuffer>>;
  readonly params: Readonly<Record<string, number>>;
  readonly groups: number;
}

/** A product with what its dispatches do beside it. */
export interface Product {
  readonly matrix: GpuMatrix;
  readonly step: Omit<ProductStep, 'matrix'>;
  readonly around: Around;
}

/** The dispatches of products that do not depend on each other: as few as can be bound, with so many buffers at most. */
export function productDispatches(products: readonly Product[], batch: number, mostBuffers: number): StepDispatch[] {
  const shared: ProductPart[][] = [];
  for (const part of products.flatMap((product) => partsOf(product, batch))) {
    const fits = shared.find(
      (others) =>
        others.every(({ choice }) => choice.isWide === part.choice.isWide && choice.texts === part.choice.texts) &&
        [...others, part].reduce((sum, { choice }) => sum + choice.texts * quadsOf(choice.type), 0) <= MOST_QUADS &&
        1 + [...others, part].reduce((sum, { inputs }) => sum + Object.keys(inputs).length, 0) <= mostBuffers,
    );
    if (fits) fits.push(part);
    else shared.push([part]);
  }
  return shared.map(joined);
}

function joined(parts: readonly ProductPart[]): StepDispatch {
  const tags = parts.map((_, i) => tagOf(parts.length, i));
  const all = <T>(record: (part: ProductPart) => Readonly<Record<string, T>>): Record<string, T> =>
    Object.assign({}, ...parts.map((part, i) => withTag(record(part), tags[i] as string)));
  const begins = tags.map((tag, i) => [`begin${tag}`, parts.slice(0, i).reduce((sum, { groups }) => sum + groups, 0)] as const);
  return {
    program: productsProgram({ choices: parts.map(({ choice }) => choice) }),
    inputs: all(({ inputs }) => inputs),
    params: { ...all(({ params }) => params), ...Object.fromEntries(begins) },
    groups: parts.reduce((sum, { groups }) => sum + groups, 0),
  };
}

/** One for each part of the matrix and few texts. */
function partsOf({ matrix, step, around }: Product, batch: number): ProductPart[] {
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
  const parts: ProductPart[] = [];
  for (const { first, rows, weights, scales } of matrix.parts)
    for (let text = 0; text < batch; text += MOST_TEXTS) {
      const texts = Math.min(MOST_TEXTS, batch - text);
      const choice: ProductChoice = {
        ...{ type, texts, lanes, isWide, add, bias: bias !== undefined, silu: activation === 'silu' },
        norm: norm === undefined ? 'none' : norm.weight ? 'weighted' : 'plain',
        ...{ taps: taps?.width ?? 0, tapBias: taps?.bias !== undefined, shows: silu !== undefined },
      };
      parts.push({
        choice,
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
  return parts;
}
