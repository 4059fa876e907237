/** One token of the scans and of the convolution in front of them. States are replaced in place; every element is read and written by one invocation. */
import type { WeightType } from '@densessm/ssm-core';
import type { ConvolutionStep, DecayStep, SelectiveStep } from '../../../decode/recorded-steps';
import { SIGMOID, SOFTPLUS } from '../math';
import { weightAt, weightBuffers, weightFunctions, weightInputs } from '../packed/weights-wgsl';
import { type Program, variants } from '../program';
import { offsetOf } from './arena';
import type { Product } from './products';
import { pairTree, type StepDispatch, sourceNames, sourceParams, sourceSum, stepProgram, valuesDispatch, valuesProgram } from './step';

const SIZE = 64;
const LN_2 = '0.693147181';

/** SOFTPLUS without the functions that SIGMOID has too. */
const STEP_MATH = `${SIGMOID}${SOFTPLUS.slice(SOFTPLUS.indexOf('\nfn twiceArtanh'))}`;

const offsetOrZero = (slot: Parameters<typeof offsetOf>[0] | undefined): number => (slot ? offsetOf(slot) : 0);

/** What a layer reads of others, behind its gate. */
const gated = (hasGate: boolean, gate: string, seen: string): string => (hasGate ? `silu(${gate}) * ${seen}` : seen);

/** Products before a scan that it does itself: of Δ, and of the gate of what it reads of others. */
export interface ScanProducts {
  readonly delta?: Product;
  readonly gate?: Product;
}

/** More inputs are read faster by a product's own dispatch. */
const MOST_INPUTS = 128;

/** Whether a scan can do the product that makes its Δ, or its gate. */
export function canProject({ matrix, step, around }: Product, to: 'delta' | 'gate', scan: SelectiveStep): boolean {
  const { parts, shape } = matrix;
  const [out, width] = shape;
  const slot = scan[to];
  const isAlone = parts.length === 1 && !step.add && !step.activation && !Object.values(around).some(Boolean);
  const hasPlace = slot !== undefined && offsetOf(step.y) === offsetOf(slot) && (to === 'delta' || !step.bias);
  return isAlone && hasPlace && out === scan.channels && width <= MOST_INPUTS;
}

interface SelectiveChoice {
  lanes: number;
  count: number;
  hasGate: boolean;
  /** Of the products that make Δ and the gate. */
  delta?: WeightType;
  gate?: WeightType;
  hasBias: boolean;
}

/** Its share of a product, as a component of `terms`. */
const termsOf = (name: 'Delta' | 'Gate', component: 'x' | 'y', x: string, lanes: number): string => `
  for (var k = part; k < p.width${name}; k += ${lanes}) {
    terms.${component} = fma(weightAt${name}(e, k), arena[${x} + row * p.stride${name} + k], terms.${component});
  }`;

/** Δ before its softplus, and the gate of the first invocation of a channel: read, or products shared by the invocations of a channel, which add in one order. */
function projected({ delta, gate, lanes, hasBias }: SelectiveChoice): string {
  if (!delta && !gate) return 'let rough = arena[p.delta + c];';
  return `var terms = vec2<f32>();${delta ? termsOf('Delta', 'x', 'p.delta', lanes) : ''}${gate ? termsOf('Gate', 'y', 'p.gate', lanes) : ''}
  let products = pairOf(lane, part, terms);
  ${
    delta
      ? `share[lane] = products.x;
  workgroupBarrier();
  let rough = share[lane - part]${hasBias ? ' + arena[p.bias + e]' : ''};`
      : `workgroupBarrier();
  let rough = arena[p.delta + c];`
  }`;
}

const projectionParams = (name: 'Delta' | 'Gate'): string => `width${name} stride${name} blocks${name} scaleWords${name}`;

const selectiveProgram = variants((choice: SelectiveChoice): Program => {
  const { lanes, count, hasGate, delta, gate } = choice;
  const [ofDelta, ofGate] = [delta ? projectionParams('Delta') : '', gate ? projectionParams('Gate') : ''];
  const weights = [delta, gate].filter((type) => type !== undefined);
  const program = stepProgram('Selective', {
    params: `count u delta A bc bcStride D h z zStride gate y channels stateSize bias ${ofDelta} ${ofGate} ${sourceNames(count)}`,
    size: SIZE,
    declarations: `${STEP_MATH}${pairTree({ size: SIZE, parts: lanes })}
${weightFunctions(...weights)}${delta ? weightAt(delta, 'Delta') : ''}${gate ? weightAt(gate, 'Gate') : ''}
${delta ? `var<workgroup> share: array<f32, ${SIZE}>;` : ''}`,
    main: `
  let wanted = group * ${SIZE / lanes} + lane / ${lanes};
  let part = lane % ${lanes};
  let c = min(wanted, p.count - 1);
  let row = c / p.channels;
  let e = c % p.channels;
  let u = arena[p.u + c];
  ${projected(choice)}
  let delta = softplus(rough);
  let b = p.bc + row * p.bcStride;
  var sums = vec2<f32>();
  for (var n = part; n < p.stateSize; n += ${lanes}) {
    let at = c * p.stateSize + n;
    let decay = exactExp(delta * arena[p.A + e * p.stateSize + n] * ${LN_2});
    let next = fma(decay, arena[p.h + at], delta * u * arena[b + n]);
    let seen = ${sourceSum(count, 'arena[$ + at]')};
    if (wanted < p.count) { arena[p.h + at] = next; }
    sums = fma(vec2<f32>(arena[b + p.stateSize + n]), vec2<f32>(next, seen), sums);
  }
  let total = pairOf(lane, part, sums);
  if (part == 0 && wanted < p.count) {
    let shown = ${count === 0 ? '0.0' : gated(hasGate, gate ? 'products.y' : 'arena[p.gate + c]', 'total.y')};
    arena[p.y + c] = (total.x + arena[p.D + e] * u + shown) * silu(arena[p.z + row * p.zStride + e]);
  }`,
  });
  return { ...program, inputs: { ...(delta && weightInputs(delta, 'Delta')), ...(gate && weightInputs(gate, 'Gate')) } };
});

const productParams = ({ matrix, step }: Product, name: 'Delta' | 'Gate'): Record<string, number> => ({
  [`width${name}`]: matrix.shape[1],
  [`stride${name}`]: step.stride ?? matrix.shape[1],
  [`blocks${name}`]: matrix.blocks,
  [`scaleWords${name}`]: matrix.scaleWords,
});

const buffersOf = ({ matrix: { parts } }: Product, name: 'Delta' | 'Gate'): Record<string, GPUBuffer> => {
  const { weights, scales } = parts[0] as (typeof parts)[number];
  return weightBuffers({ weights, ...(scales && { scales }) }, name);
};

/** With the products that it does itself. */
export function selectiveDispatch(step: SelectiveStep, batch: number, { delta, gate }: ScanProducts = {}): StepDispatch {
  const { sources, channels, stateSize, bcStride, zStride } = step;
  const lanes = Math.min(SIZE, 2 ** Math.ceil(Math.log2(stateSize)));
  const count = batch * channels;
  const [u, A, bc, D, h, z, y] = [step.u, step.A, step.bc, step.D, step.h, step.z, step.y].map(offsetOf);
  const choice = { lanes, count: sources.length, hasGate: step.gate !== undefined, hasBias: delta?.step.bias !== undefined };
  return {
    program: selectiveProgram({ ...choice, ...(delta && { delta: delta.matrix.type }), ...(gate && { gate: gate.matrix.type }) }),
    inputs: { ...(delta && buffersOf(delta, 'Delta')), ...(gate && buffersOf(gate, 'Gate')) },
    params: {
      ...({ count, u, A, bc, bcStride, D, h, z, zStride, y, channels, stateSize } as Record<string, number>),
      ...{
        delta: offsetOf(delta?.step.x ?? step.delta),
        gate: offsetOrZero(gate?.step.x ?? step.gate),
        bias: offsetOrZero(delta?.step.bias),
      },
      ...(delta && productParams(delta, 'Delta')),
      ...(gate && productParams(gate, 'Gate')),
      ...sourceParams(sources.map(offsetOf)),
    },
    groups: Math.ceil(count / (SIZE / lanes)),
  };
}

/** Values of a head, and parts of its keys, that a workgroup has. */
const [VALUES, PARTS] = [16, 16];

interface DecayChoice {
  count: number;
  hasGate: boolean;
  hasScale: boolean;
  hasSkip: boolean;
}

const decayProgram = variants(({ count, hasGate, hasScale, hasSkip }: DecayChoice) =>
  stepProgram('Decay', {
    params: `runs q k stride v vStride decay scale skip state gate o heads ofGroup keys values ${sourceNames(count)}`,
    size: VALUES * PARTS,
    declarations: `${SIGMOID}${pairTree({ size: VALUES * PARTS, parts: PARTS, apart: VALUES })}`,
    main: `
  let item = group / p.runs;
  let wanted = group % p.runs * ${VALUES} + lane % ${VALUES};
  let j = min(wanted, p.values - 1);
  let part = lane / ${VALUES};
  let row = item / p.heads;
  let head = item % p.heads;
  let ofKeys = row * p.stride + head / p.ofGroup * p.keys;
  let v = arena[p.v + row * p.vStride + head * p.values + j];
  let decay = arena[p.decay + item];
  let own = v${hasScale ? ' * arena[p.scale + item]' : ''};
  var sums = vec2<f32>();
  for (var i = part; i < p.keys; i += ${PARTS}) {
    let at = (item * p.keys + i) * p.values + j;
    let next = fma(decay, arena[p.state + at], own * arena[p.k + ofKeys + i]);
    let seen = ${sourceSum(count, 'arena[$ + at]')};
    if (wanted < p.values) { arena[p.state + at] = next; }
    sums = fma(vec2<f32>(arena[p.q + ofKeys + i]), vec2<f32>(next, seen), sums);
  }
  let total = pairOf(lane, part, sums);
  if (part == 0 && wanted < p.values) {
    let at = item * p.values + j;
    arena[p.o + at] = total.x${count === 0 ? '' : ` + ${gated(hasGate, 'arena[p.gate + at]', 'total.y')}`}${hasSkip ? ' + arena[p.skip + head] * v' : ''};
  }`,
  }),
);

export function decayDispatch(step: DecayStep, batch: number): StepDispatch {
  const { stride, vStride, scale, skip, sources = [], gate, heads, groups, keys, values } = step;
  const runs = Math.ceil(values / VALUES);
  const [q, k, v, decay, state, o] = [step.q, step.k, step.v, step.decay, step.state, step.o].map(offsetOf);
  return {
    program: decayProgram({
      count: sources.length,
      hasGate: gate !== undefined,
      hasScale: scale !== undefined,
      hasSkip: skip !== undefined,
    }),
    params: {
      ...({ runs, q, k, stride, v, vStride, decay, state, o, heads, ofGroup: heads / groups, keys, values } as Record<string, number>),
      ...{ scale: offsetOrZero(scale), skip: offsetOrZero(skip), gate: offsetOrZero(gate) },
      ...sourceParams(sources.map(offsetOf)),
    },
    groups: batch * heads * runs,
  };
}

const convolutionProgram = variants(({ hasBias }: { hasBias: boolean }) =>
  valuesProgram('Convolution', {
    params: 'x stride w bias tail y channels width',
    declarations: SIGMOID,
    main: `
  let e = i % p.channels;
  let before = p.width - 1;
  var sum = ${hasBias ? 'arena[p.bias + e]' : '0.0'};
  for (var j = 0u; j < before; j++) {
    let value = arena[p.tail + i * before + j];
    sum = fma(arena[p.w + e * p.width + j], value, sum);
    if (j > 0) { arena[p.tail + i * before + j - 1] = value; }
  }
  let newest = arena[p.x + i / p.channels * p.stride + e];
  if (before > 0) { arena[p.tail + i * before + before - 1] = newest; }
  arena[p.y + i] = silu(fma(arena[p.w + e * p.width + before], newest, sum));`,
  }),
);

export function convolutionDispatch({ x, stride, w, bias, tail, y, channels, width }: ConvolutionStep, batch: number): StepDispatch {
  const slots = { x: offsetOf(x), w: offsetOf(w), bias: offsetOrZero(bias), tail: offsetOf(tail), y: offsetOf(y) };
  return valuesDispatch(convolutionProgram({ hasBias: bias !== undefined }), batch * channels, { ...slots, stride, channels, width });
}
