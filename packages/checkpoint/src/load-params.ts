import {
  buildParams,
  type ConstantLeaf,
  initParams,
  leavesOf,
  type ParamLeaf,
  type Params,
  type SpecTree,
  SsmError,
} from '@densessm/ssm-core';
import { dispose, type Tensor } from '@tensorflow/tfjs-core';
import { checkConstant } from './constants';
import { type ArrayTensor, type Dtype, dtypeOf, type TensorValues, tensorValues } from './dtypes';
import { floatTarget } from './float-target';
import { shorten } from './json';
import type { TensorSource } from './safetensors';

export interface LoadOptions {
  /** Weights that may be absent: they start as in a fresh model. Needs `seed`. */
  allowMissing?: (name: string) => boolean;
  /** For the weights that `allowMissing` lets be absent. */
  seed?: number;
  /** Stored tensors that are not wanted and no error. */
  ignoreUnexpected?: (name: string) => boolean;
  /** Names the weights in errors. */
  where?: string;
}

type Leaf = ParamLeaf | ConstantLeaf;
type Shapes = ReadonlyMap<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>;
type Where = { where: string };

/** A question for some values of one stored tensor, row-major. */
interface Part {
  readonly name: string;
  readonly first: number;
  readonly count: number;
}

/** Values that are asked for at once: few beside any model, many beside the cost of asking. */
const PART = 2 ** 18;

/**
 * The params of a spec from named arrays, as float32. A name on disk may be the leaf's own or one of its aliases; where
 * several are stored (a tied head, say) they must hold the same values. Constants are compared with what the config implies.
 * @throws SsmError WEIGHTS for missing, misshapen, unexpected or contradicting tensors, DTYPE for weights that are no floats,
 * OPTION where something missing may start afresh but no seed is given.
 */
export function paramsFromTensors<S extends SpecTree>(
  spec: S,
  tensors: ReadonlyMap<string, ArrayTensor>,
  options: LoadOptions = {},
): Params<S> {
  const shapes = new Map([...tensors].map(([name, { dtype, shape, values }]) => [name, { dtype: dtype ?? dtypeOf(values), shape }]));
  const steps = assemble(spec, shapes, { where: 'paramsFromTensors', ...options });
  let step = steps.next();
  while (!step.done) {
    const { name, first, count } = step.value;
    step = steps.next((tensors.get(name) as ArrayTensor).values.subarray(first, first + count));
  }
  return step.value;
}

/**
 * As {@link paramsFromTensors}, from a file that is read in parts of a megabyte, so that little more memory is
 * needed than the params take. All names and shapes are checked before anything is read.
 */
export async function loadParams<S extends SpecTree>(spec: S, source: TensorSource, options: LoadOptions = {}): Promise<Params<S>> {
  const steps = assemble(spec, source.tensors, { where: 'loadParams', ...options });
  const answer = partsOf(source);
  let step = steps.next();
  try {
    while (!step.done) step = steps.next(await answer(step.value));
    return step.value;
  } catch (error) {
    steps.throw(error); // frees what was made
    throw error;
  }
}

/** A tensor that the source gives only whole is kept until another is asked for. */
function partsOf(source: TensorSource): (part: Part) => Promise<TensorValues> {
  let whole: { name: string; values: TensorValues } | undefined;
  return async ({ name, first, count }) => {
    const entry = source.tensors.get(name);
    if (source.readPart && entry) {
      const bytes = await source.readPart(name, first, count);
      return tensorValues(name, { dtype: entry.dtype, shape: [count], bytes });
    }
    if (whole?.name !== name) whole = { name, values: tensorValues(name, await source.read(name)) };
    return whole.values.subarray(first, first + count);
  };
}

/** Asks for one part after the other and returns the params: the same steps whether reading waits or not. */
function* assemble<S extends SpecTree>(spec: S, stored: Shapes, options: LoadOptions & Where): Generator<Part, Params<S>, TensorValues> {
  const names = storedNames(spec, stored);
  checkNames(names, stored, options);
  const made = new Map<ParamLeaf, Tensor>();
  let complete = false;
  try {
    for (const [leaf, [name, ...others]] of names) {
      if (leaf.kind === 'constant') {
        if (name !== undefined) yield* readConstant(leaf, name, stored, options);
      } else made.set(leaf, name === undefined ? freshTensor(leaf, options) : yield* readParam([name, ...others], stored, options));
    }
    complete = true;
    return buildParams(spec, (leaf) => made.get(leaf) as Tensor);
  } finally {
    if (!complete) dispose([...made.values()]);
  }
}

function* readConstant(leaf: ConstantLeaf, name: string, stored: Shapes, { where }: Where): Generator<Part, void, TensorValues> {
  const values = yield { name, first: 0, count: sizeOf(leaf.shape) };
  checkConstant(where, leaf, { shape: leaf.shape, values, dtype: stored.get(name)?.dtype });
}

/** The tensor under the first of its names, compared with those under the others. */
function* readParam(names: readonly string[], stored: Shapes, { where }: Where): Generator<Part, Tensor, TensorValues> {
  for (const name of names) requireFloats(where, name, stored.get(name)?.dtype);
  const [name = '', ...others] = names;
  const shape = stored.get(name)?.shape ?? [];
  const target = floatTarget(shape);
  let complete = false;
  try {
    for (const part of partsOfTensor(name, shape)) target.write(part.first, yield* values(where, part));
    for (const other of others) {
      for (const part of partsOfTensor(other, shape)) {
        requireSame(where, name, target.read(part.first, part.count), part, Float32Array.from(yield* values(where, part)));
      }
    }
    complete = true;
    return target.finish();
  } finally {
    if (!complete) target.dispose();
  }
}

/** @throws SsmError WEIGHTS where an array is not as long as its shape says */
function* values(where: string, part: Part): Generator<Part, TensorValues, TensorValues> {
  const given = yield part;
  if (given.length === part.count) return given;
  const mend = 'give each tensor as many values as its shape says';
  throw weightsError(`${where}: \`${part.name}\` has another size than its shape.`, `${part.count} values`, `${given.length}`, mend);
}

function* partsOfTensor(name: string, shape: readonly number[]): Generator<Part> {
  const size = sizeOf(shape);
  for (let first = 0; first < size; first += PART) yield { name, first, count: Math.min(PART, size - first) };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** Under which names each leaf is stored: mostly one, none where it is missing. */
function storedNames(spec: SpecTree, stored: Shapes): Map<Leaf, string[]> {
  const names = new Map<Leaf, string[]>();
  for (const leaf of leavesOf(spec)) {
    const known = leaf.kind === 'param' ? [leaf.name, ...leaf.aliases] : [leaf.name];
    names.set(
      leaf,
      known.filter((name) => stored.has(name)),
    );
  }
  return names;
}

/** @throws SsmError WEIGHTS, one for all names of a kind */
function checkNames(names: ReadonlyMap<Leaf, string[]>, stored: Shapes, options: LoadOptions & { where: string }): void {
  const { where, allowMissing = () => false, ignoreUnexpected = () => false } = options;
  const known = new Set([...names.values()].flat());
  const unexpected = [...stored.keys()].filter((name) => !known.has(name) && !ignoreUnexpected(name));
  const missing = [...names].filter(([leaf, found]) => leaf.kind === 'param' && found.length === 0 && !allowMissing(leaf.name));
  if (missing.length) {
    const got = unexpected.length ? `instead ${listNames(unexpected)}` : `${stored.size} tensors, none of them these`;
    const mend = 'use the config.json that belongs to these weights, or allow what may be missing with allowMissing';
    throw weightsError(`${where}: weights are missing.`, listNames(missing.map(([leaf]) => leaf.name)), got, mend);
  }
  const misshapen = [...names].flatMap(([leaf, found]) =>
    found.filter((name) => stored.get(name)?.shape.join() !== leaf.shape.join()).map((name) => ({ name, shape: leaf.shape })),
  );
  if (misshapen.length) {
    const want = misshapen.map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
    const got = misshapen.map(({ name }) => `[${stored.get(name)?.shape.join(', ')}]`);
    const mend = 'use the config.json that belongs to these weights';
    throw weightsError(`${where}: weights have the wrong shape.`, listNames(want), listNames(got), mend);
  }
  if (unexpected.length) {
    const mend = 'use the config.json that belongs to these weights, or leave tensors out with ignoreUnexpected';
    throw weightsError(
      `${where}: there are tensors that the model does not have.`,
      `${known.size} tensors of the model`,
      listNames(unexpected),
      mend,
    );
  }
}

const weightsError = (what: string, expected: string, got: string, mend: string): SsmError =>
  new SsmError({ code: 'WEIGHTS', what, expected, got, mend });

/** The first few, and how many there are. */
function listNames(names: readonly string[]): string {
  const first = names.slice(0, 4).map(shorten).join('; ');
  return names.length > 4 ? `${first}; … (${names.length} in all)` : first;
}

function freshTensor(leaf: ParamLeaf, { where, seed }: LoadOptions & { where: string }): Tensor {
  if (seed !== undefined) return initParams(leaf, seed);
  throw new SsmError({
    code: 'OPTION',
    what: `${where}: \`${leaf.name}\` is missing and may start afresh, but from no seed.`,
    expected: 'options.seed beside options.allowMissing',
    got: 'no seed',
    mend: 'pass { allowMissing, seed: 1 }',
  });
}

/** @throws SsmError WEIGHTS where two names of one tensor hold different values: a head stored beside a config that ties it, say. */
function requireSame(where: string, name: string, want: Float32Array, { name: other, first }: Part, got: Float32Array): void {
  const at = want.findIndex((value, i) => !Object.is(value, got[i]));
  if (at < 0) return;
  throw weightsError(
    `${where}: \`${name}\` and \`${other}\` are one tensor in the model but differ.`,
    `${want[at]} at ${first + at} in both`,
    `${got[at]} in ${other}`,
    'correct the config (tie_word_embeddings, say), or leave one of the two out of the file',
  );
}

/** @throws SsmError DTYPE where the values are integers: quantised weights need their own reader. */
function requireFloats(where: string, name: string, dtype: Dtype | undefined): void {
  if (dtype !== undefined && /^B?F\d+$/.test(dtype)) return;
  throw new SsmError({
    code: 'DTYPE',
    what: `${where}: the weight \`${name}\` does not hold floats.`,
    expected: 'F32, F16, BF16 or F64',
    got: String(dtype),
    mend: 'use the weights in their original precision',
  });
}
