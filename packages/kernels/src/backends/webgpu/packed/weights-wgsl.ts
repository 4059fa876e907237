/** WGSL that reads weights as row-layout.ts lays them. */
import type { WeightType } from '@densessm/ssm-core';
import type { Program } from '../program';
import { BLOCK, isQuantized } from './row-layout';

/** The bindings of weights. */
export const weightInputs = (type: WeightType): Program['inputs'] => ({
  weights: 'vec4<u32>',
  ...(isQuantized(type) && { scales: 'u32' }),
});

const HALVES = `
fn halves(a: u32, b: u32) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(a << 16, a & 0xffff0000, b << 16, b & 0xffff0000)); }`;

const SCALE = `
fn scaleAt(row: u32, group: u32) -> f32 {
  let pair = scales[row * p.scaleWords + group / 2];
  return bitcast<f32>(select(pair << 16, pair & 0xffff0000, group % 2 == 1));
}`;

const SIGNED: Readonly<Record<'int8' | 'int4', string>> = {
  int8: `${SCALE}
fn four(word: u32) -> vec4<f32> { return vec4<f32>((vec4<i32>(i32(word)) << vec4<u32>(24, 16, 8, 0)) >> vec4<u32>(24)); }`,
  int4: `${SCALE}
fn low(word: u32) -> vec4<f32> { return vec4<f32>((vec4<i32>(i32(word)) << vec4<u32>(28, 24, 20, 16)) >> vec4<u32>(28)); }
fn high(word: u32) -> vec4<f32> { return vec4<f32>((vec4<i32>(i32(word)) << vec4<u32>(12, 8, 4, 0)) >> vec4<u32>(28)); }`,
};

/** Functions that {@link quadOf} and {@link groupOf} name. They read `p.scaleWords`. */
export const weightFunctions = (type: WeightType): string => (isQuantized(type) ? SIGNED[type] : type === 'bf16' ? HALVES : '');

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

/** The group that a block belongs to. */
export const groupOf = (type: WeightType, block: string): string => (type === 'int8' ? `${block} / 2` : block);

/** `weightAt(row, k)`, one weight with its scale. Reads `p.blocks` and `p.scaleWords`. */
export function weightAt(type: WeightType): string {
  const quads = Array.from({ length: quadsOf(type) }, (_, quad) => `case ${quad}u: { four4 = ${quadOf(type, 'block', quad)}; }`);
  const scale = isQuantized(type) ? ` * scaleAt(row, ${groupOf(type, 'at')})` : '';
  return `${weightFunctions(type)}
fn weightAt(row: u32, k: u32) -> f32 {
  let at = k / ${BLOCK[type]};
  let block = weights[row * p.blocks + at];
  var four4 = vec4<f32>();
  switch (k % ${BLOCK[type]}) / 4 { ${quads.join(' ')} default: {} }
  return four4[k % 4]${scale};
}`;
}
