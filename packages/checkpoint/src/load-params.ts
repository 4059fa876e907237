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
import { dispose, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { checkConstant } from './constants';
import { type ArrayTensor, dtypeOf } from './dtypes';
import { shorten } from './json';
import { arrayTensor, type TensorSource } from './safetensors';

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
type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

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
  const steps = assemble(spec, tensors, { where: 'paramsFromTensors', ...options });
  let step = steps.next();
  while (!step.done) step = steps.next(tensors.get(step.value) as ArrayTensor);
  return step.value;
}

/**
 * As {@link paramsFromTensors}, from a file of which one tensor at a time is read. All names and shapes are checked
 * before the first is.
 */
export async function loadParams<S extends SpecTree>(spec: S, source: TensorSource, options: LoadOptions = {}): Promise<Params<S>> {
  const steps = assemble(spec, source.tensors, { where: 'loadParams', ...options });
  let step = steps.next();
  try {
    while (!step.done) step = steps.next(arrayTensor(step.value, await source.read(step.value)));
    return step.value;
  } catch (error) {
    steps.throw(error); // frees what was made
    throw error;
  }
}

/** Asks for one stored tensor after the other, by name, and returns the params: the same steps whether reading waits or not. */
function* assemble<S extends SpecTree>(
  spec: S,
  stored: Shapes,
  options: LoadOptions & { where: string },
): Generator<string, Params<S>, ArrayTensor> {
  const names = storedNames(spec, stored);
  checkNames(names, stored, options);
  const made = new Map<ParamLeaf, Tensor>();
  let complete = false;
  try {
    for (const [leaf, [name, ...others]] of names) {
      if (name === undefined) {
        if (leaf.kind === 'param') made.set(leaf, freshTensor(leaf, options));
        continue;
      }
      const first = yield name;
      for (const other of others) requireSame(options.where, [name, first], [other, yield other]);
      if (leaf.kind === 'constant') checkConstant(options.where, leaf, first);
      else made.set(leaf, tensor(floats(options.where, name, first), [...leaf.shape], 'float32'));
    }
    complete = true;
    return buildParams(spec, (leaf) => made.get(leaf) as Tensor);
  } finally {
    if (!complete) dispose([...made.values()]);
  }
}

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
function requireSame(where: string, [name, a]: [string, ArrayTensor], [other, b]: [string, ArrayTensor]): void {
  const at = a.values.findIndex((value, i) => !Object.is(value, b.values[i]));
  if (at < 0) return;
  throw weightsError(
    `${where}: \`${name}\` and \`${other}\` are one tensor in the model but differ.`,
    `${a.values[at]} at ${at} in both`,
    `${b.values[at]} in ${other}`,
    'correct the config (tie_word_embeddings, say), or leave one of the two out of the file',
  );
}

/** @throws SsmError DTYPE where the values are integers: quantised weights need their own reader. */
function floats(where: string, name: string, { dtype, values }: ArrayTensor): Float32Array {
  const type = dtype ?? dtypeOf(values);
  if (/^B?F/.test(type)) return Float32Array.from(values); // a copy: tfjs's cpu backend keeps the array it is given
  throw new SsmError({
    code: 'DTYPE',
    what: `${where}: the weight \`${name}\` does not hold floats.`,
    expected: 'F32, F16, BF16 or F64',
    got: type,
    mend: 'use the weights in their original precision',
  });
}
