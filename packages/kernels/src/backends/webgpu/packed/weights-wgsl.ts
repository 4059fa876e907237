/** WGSL that reads weights as row-layout.ts lays them. */
import type { WeightType } from '@densessm/ssm-core';
import type { Program } from '../program';
import { BLOCK, isQuantized } from './row-layout';

/** The bindings of weights; where a program reads several matrices, each has a name. */
export const weightInputs = (type: WeightType, name: string | number = ''): Program['inputs'] => ({
  [`weights${name}`]: 'vec4<u32>',
  ...(isQuantized(type) && { [`scales${name}`]: 'u32' }),
});

/** What those bindings are given. */
export const weightBuffers = <T>({ weights, scales }: { weights: T; scales?: T }, name: string | number = ''): Record<string, T> => ({
  [`weights${name}`]: weights,
  ...(scales && { [`scales${name}`]: scales }),
});

const HALVES = `
fn halves(a: u32, b: u32) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(a << 16, a & 0xffff0000, b << 16, b & 0xffff0000)); }`;

const SCALE = `
fn scaleOf(pair: u32, group: u32) -> f32 { return bitcast<f32>(select(pair << 16, pair & 0xffff0000, group % 2 == 1)); }`;

const SIGNED: Readonly<Record<'int8' | 'int4', string>> = {
  int8: `
fn four(word: u32) -> vec4<f32> { return vec4<f32>((vec4<i32>(i32(word)) << vec4<u32>(24, 16, 8, 0)) >> vec4<u32>(24)); }`,
  int4: `
fn low(word: u32) -> vec4<f32> { return vec4<f32>((vec4<i32>(i32(word)) << vec4<u32>(28, 24, 20, 16)) >> vec4<u32>(28)); }
fn high(word: u32) -> vec4<f32> { return vec4<f32>((vec4<i32>(i32(word)) << vec4<u32>(12, 8, 4, 0)) >> vec4<u32>(28)); }`,
};

/** Functions that {@link quadOf} and {@link scaleAt} name, for weights of these types. */
export const weightFunctions = (...types: readonly WeightType[]): string =>
  [
    ...(types.some(isQuantized) ? [SCALE] : []),
    ...new Set(types.map((type) => (isQuantized(type) ? SIGNED[type] : type === 'bf16' ? HALVES : ''))),
  ].join('');

/** The expression of the scale of a block in a row, whose place is that of the row's first scale. */
export function scaleAt(type: WeightType, row: string, block: string, name: string | number = '', words = `p.scaleWords${name}`): string {
  const group = type === 'int8' ? `${block} / 2` : block;
  return `scaleOf(scales${name}[${row} * ${words} + ${group} / 2], ${group})`;
}

/** Four weights of a block, before their scale: the expression of the quad with that number. */
export function quadOf(type: WeightType, block: string, quad: number): string {
  const word = (index: number): string => `${block}[${index}]`;
  if (type === 'f32') return `bitcast<vec4<f32>>(${block})`;
  if (type === 'bf16') return `halves(${word(2 * quad)}, ${word(2 * quad + 1)})`;
  if (type === 'int8') return `four(${word(quad)})`;
  return `${quad % 2 === 0 ? 'low' : 'high'}(${word(quad >> 1)})`;
}

/** Quads of a block. */
export const quadsOf = (type: WeightType): number => BLOCK[type] / 4;

/** `weightAt(row, k)`, one weight with its scale, beside {@link weightFunctions}. Reads `p.blocks` and `p.scaleWords`, each with the name of the matrix. */
export function weightAt(type: WeightType, name = ''): string {
  const quads = Array.from({ length: quadsOf(type) }, (_, quad) => `case ${quad}u: { four4 = ${quadOf(type, 'block', quad)}; }`);
  const scale = isQuantized(type) ? ` * ${scaleAt(type, 'row', 'at', name)}` : '';
  return `
fn weightAt${name}(row: u32, k: u32) -> f32 {
  let at = k / ${BLOCK[type]};
  let block = weights${name}[row * p.blocks${name} + at];
  var four4 = vec4<f32>();
  switch (k % ${BLOCK[type]}) / 4 { ${quads.join(' ')} default: {} }
  return four4[k % 4]${scale};
}`;
}
