/// <reference types="@webgpu/types" />
import type { Program } from '../program';

/** A dispatch whose numbers and buffers stay the same for every token. Its program has one output, `arena`: all slots of the decode program. */
export interface StepDispatch {
  readonly program: Program;
  /** Beside the arena. */
  readonly inputs?: Readonly<Record<string, GPUBuffer>>;
  /** Behind the arena, of a program that chooses tokens: its second output. */
  readonly choice?: GPUBuffer;
  readonly params: Readonly<Record<string, number>>;
  readonly groups: number;
}

export const stepName = (step: string): string => `SsmDecode${step}`;

/** What a program on the arena says of itself. */
type StepProgram = Omit<Program, 'name' | 'inputs' | 'outputs' | 'params'> & { params: string; floats?: string };

const typed = (names: string, type: 'u32' | 'f32'): Record<string, 'u32' | 'f32'> =>
  Object.fromEntries(
    names
      .split(' ')
      .filter(Boolean)
      .map((name) => [name, type]),
  );

/** A program on the arena, `params` and `floats` being the names of its numbers. */
export const stepProgram = (step: string, { params, floats = '', ...rest }: StepProgram): Program => ({
  ...rest,
  name: stepName(step),
  inputs: {},
  outputs: { arena: 'f32' },
  params: { ...typed(params, 'u32'), ...typed(floats, 'f32') },
});

const VALUES_OF_GROUP = 64;

/** One that computes a value, `i` of `p.count`, in each invocation. */
export const valuesProgram = (step: string, { params, main, ...rest }: Omit<StepProgram, 'size'>): Program =>
  stepProgram(step, {
    ...rest,
    params: `count ${params}`,
    size: VALUES_OF_GROUP,
    main: `  let i = group * ${VALUES_OF_GROUP} + lane;\n  if (i >= p.count) { return; }\n${main}`,
  });

export const valuesDispatch = (program: Program, count: number, params: Readonly<Record<string, number>>): StepDispatch => ({
  program,
  params: { count, ...params },
  groups: Math.ceil(count / VALUES_OF_GROUP),
});

/** Names and values of the offsets of any number of slots. */
export const sourceNames = (count: number): string => Array.from({ length: count }, (_, i) => `s${i}`).join(' ');
export const sourceParams = (offsets: readonly number[]): Record<string, number> =>
  Object.fromEntries(offsets.map((offset, i) => [`s${i}`, offset]));
/** The sum of `term` over the sources, whose offset it has as `$`. */
export const sourceSum = (count: number, term: string): string =>
  Array.from({ length: count }, (_, i) => term.replaceAll('$', `p.s${i}`)).join(' + ') || '0.0';

/**
 * Sums of pairs over `parts` invocations, a power of two, that are `apart` from each other: `pairOf(lane, part, value)`, which all call, gives the sum
 * to the one whose part is 0. A tree, so the same bits every time.
 */
export const pairTree = ({ size, parts, apart = 1 }: { size: number; parts: number; apart?: number }): string => `
var<workgroup> pairs: array<vec2<f32>, ${size}>;
fn pairOf(lane: u32, part: u32, value: vec2<f32>) -> vec2<f32> {
  pairs[lane] = value;
  for (var half = ${parts / 2}u; half > 0; half >>= 1) {
    workgroupBarrier();
    if (part < half) { pairs[lane] += pairs[lane + half * ${apart}]; }
  }
  return pairs[lane];
}`;
