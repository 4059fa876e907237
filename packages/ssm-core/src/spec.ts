import type { Rank, Tensor } from '@tensorflow/tfjs-core';
import { refuseDisposed } from './disposed';
import { constant as fillWith, type Initializer, kaimingUniform, zeros } from './initializers';
import type { PackedMatrix } from './packed';
import { tidyTree } from './tree';

/** One learned tensor: its name on disk, its shape, how it starts and whether weight decay applies to it. */
export interface ParamLeaf<R extends Rank = Rank> {
  readonly kind: 'param';
  readonly name: string;
  /** Other names that the same tensor has in foreign checkpoints. */
  readonly aliases: readonly string[];
  readonly shape: readonly number[];
  readonly init: Initializer;
  /** Matrices decay; gains, biases and state space parameters do not. */
  readonly decay: boolean;
  readonly precision: Precision;
  readonly rank?: R;
}

/**
 * How a learned tensor may be kept where weights are packed: in 'any' type where it only ever passes through `linear` and `embedding`; as a
 * 'fine' one, of 16 bits or more, where moreover every state hangs on it; else it stays 'exact', a float32 tensor.
 */
export type Precision = 'any' | 'fine' | 'exact';

/** A tensor that the reference stores although the config determines it: written on save, verified on load. */
export interface ConstantLeaf {
  readonly kind: 'constant';
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: () => Float32Array;
}

export type SpecTree = ParamLeaf | ConstantLeaf | undefined | readonly SpecTree[] | { readonly [key: string]: SpecTree };
type RankOf<L> = L extends ParamLeaf<infer R> ? R : never;
type ConstantKeys<S> = { [K in keyof S]: S[K] extends ConstantLeaf ? K : never }[keyof S];

/** The tree of tensors that a spec describes. */
export type Params<S> = S extends ParamLeaf
  ? Tensor<RankOf<S>>
  : S extends undefined
    ? undefined
    : S extends readonly (infer Item)[]
      ? Params<Item>[]
      : { [K in Exclude<keyof S, ConstantKeys<S>>]: Params<S[K]> };

export interface ParamOptions {
  init?: Initializer;
  decay?: boolean;
  aliases?: readonly string[];
  precision?: Precision;
}

function leaf<R extends Rank>(
  name: string,
  shape: readonly number[],
  init: Initializer,
  decay: boolean,
  options: ParamOptions,
): ParamLeaf<R> {
  return { kind: 'param', name, shape, init, decay, aliases: [], precision: 'exact', ...options };
}

/** A matrix [out, in] as on disk, of a linear layer or embedding. It decays, starts as PyTorch's linear layers do, and may be packed in any type. */
export const weight = (name: string, shape: readonly [out: number, input: number], options: ParamOptions = {}): ParamLeaf<Rank.R2> =>
  leaf(name, shape, kaimingUniform, true, { precision: 'any', ...options });

/** A filter [channels, 1, width] of a depthwise convolution, as on disk. */
export const filter = (
  name: string,
  shape: readonly [channels: number, one: 1, width: number],
  options: ParamOptions = {},
): ParamLeaf<Rank.R3> => leaf(name, shape, kaimingUniform, true, options);

/** The gain [size] of a norm: starts at one, does not decay. */
export const gain = (name: string, size: number, options: ParamOptions = {}): ParamLeaf<Rank.R1> =>
  leaf(name, [size], fillWith(1), false, options);

/** A bias [size]: starts at zero, does not decay. */
export const bias = (name: string, size: number, options: ParamOptions = {}): ParamLeaf<Rank.R1> =>
  leaf(name, [size], zeros, false, options);

/** A tensor that the config determines, see {@link ConstantLeaf}. */
export const constant = (name: string, shape: readonly number[], values: () => Float32Array): ConstantLeaf => ({
  kind: 'constant',
  name,
  shape,
  values,
});

/** The same tree for each of `count` layers. */
export const repeated = <S extends SpecTree>(count: number, layer: (index: number) => S): S[] =>
  Array.from({ length: count }, (_, i) => layer(i));

const isLeaf = (node: SpecTree): node is ParamLeaf | ConstantLeaf =>
  node !== undefined &&
  !Array.isArray(node) &&
  typeof (node as ParamLeaf).kind === 'string' &&
  typeof (node as ParamLeaf).name === 'string';

/** Every leaf of a spec, in the order of its keys. */
export function* leavesOf(spec: SpecTree): Generator<ParamLeaf | ConstantLeaf> {
  if (spec === undefined) return;
  if (isLeaf(spec)) yield spec;
  else for (const branch of Object.values(spec)) yield* leavesOf(branch as SpecTree);
}

/** The params tree of a spec with each tensor, or what is packed in its place, made by `make`. */
export function buildParams<S extends SpecTree>(spec: S, make: (leaf: ParamLeaf) => Tensor | PackedMatrix): Params<S> {
  const build = (node: SpecTree): unknown => {
    if (node === undefined) return undefined;
    if (isLeaf(node)) return node.kind === 'param' ? make(node) : undefined;
    if (Array.isArray(node)) return node.map(build);
    const entries = Object.entries(node).filter(([, branch]) => branch === undefined || !(isLeaf(branch) && branch.kind === 'constant'));
    return Object.fromEntries(entries.map(([key, branch]) => [key, build(branch)]));
  };
  return build(spec) as Params<S>;
}

/** Starting parameters. Each tensor's draw depends on the seed and its own name only, so adding a layer changes no other. */
export function initParams<S extends SpecTree>(spec: S, seed: number): Params<S> {
  return tidyTree(() => buildParams(spec, (node) => node.init([...node.shape], hash(`${seed}/${node.name}`))));
}

/** Pairs each learned leaf of a spec with its tensor. @throws SsmError STATE for one that was freed */
export function* namedParams(spec: SpecTree, params: unknown): Generator<[ParamLeaf, Tensor]> {
  if (spec === undefined) return;
  if (isLeaf(spec)) {
    if (spec.kind !== 'param') return;
    refuseDisposed(spec.name, params, 'params');
    yield [spec, params as Tensor];
    return;
  }
  for (const [key, branch] of Object.entries(spec)) yield* namedParams(branch as SpecTree, (params as Record<string, unknown>)[key]);
}

/** Number of learned values. */
export function countParams(spec: SpecTree): number {
  let count = 0;
  for (const node of leavesOf(spec)) if (node.kind === 'param') count += node.shape.reduce((product, size) => product * size, 1);
  return count;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
