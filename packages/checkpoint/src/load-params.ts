import {
  buildParams,
  type ConstantLeaf,
  disposeTree,
  initParams,
  leavesOf,
  type PackedMatrix,
  type ParamLeaf,
  type Params,
  type SpecTree,
  SsmError,
} from '@densessm/ssm-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { type ArrayTensor, dtypeOf, type TensorValues, tensorValues, valuesOf } from './dtypes';
import { shorten } from './json';
import type { QuantizedSource } from './quantized/read';
import { readConstant, readParam, type Stored, weightsError } from './read-param';
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
  /** Gives an empty packed matrix for each leaf that is to be one: `packer` of the kernels makes it. Rows come to it as they are read. */
  pack?: (leaf: ParamLeaf) => PackedMatrix | undefined;
}

type Leaf = ParamLeaf | ConstantLeaf;
type Where = { where: string };

/**
 * The params of a spec from named arrays, as float32. A name on disk may be the leaf's own or one of its aliases; where
 * several are stored (a tied head, say) they must hold the same values. Constants are compared with what the config implies.
 * @throws SsmError WEIGHTS for missing, misshapen, unexpected or contradicting tensors, DTYPE for weights that are no floats,
 * OPTION where something missing may start afresh but no seed is given.
 */
export async function paramsFromTensors<S extends SpecTree>(
  spec: S,
  tensors: ReadonlyMap<string, ArrayTensor>,
  options: LoadOptions = {},
): Promise<Params<S>> {
  const shapes = new Map([...tensors].map(([name, { dtype, shape, values }]) => [name, { dtype: dtype ?? dtypeOf(values), shape }]));
  const values: Stored['values'] = ({ name, first, count }) => (tensors.get(name) as ArrayTensor).values.subarray(first, first + count);
  return assemble(spec, { tensors: shapes, values }, { where: 'paramsFromTensors', ...options });
}

/**
 * As {@link paramsFromTensors}, from a file that is read in parts of a megabyte, so that little more memory is
 * needed than the params take. All names and shapes are checked before anything is read.
 */
export async function loadParams<S extends SpecTree>(
  spec: S,
  source: TensorSource | QuantizedSource,
  options: LoadOptions = {},
): Promise<Params<S>> {
  const { tensors, quantized, type, readRows: rows } = source as Partial<QuantizedSource> & TensorSource;
  return assemble(spec, { tensors, quantized, type, rows, values: valuesReader(source) }, { where: 'loadParams', ...options });
}

/** Of tensors that the source gives only whole two are kept, since two may be compared. */
function valuesReader(source: TensorSource): Stored['values'] {
  const wholes = new Map<string, TensorValues>();
  return async ({ name, first, count }) => {
    const entry = source.tensors.get(name);
    if (source.readPart && entry) return valuesOf(name, entry.dtype, await source.readPart(name, first, count));
    const whole = wholes.get(name) ?? tensorValues(name, await source.read(name));
    if (wholes.size > 1 && !wholes.has(name)) wholes.clear();
    wholes.set(name, whole);
    return whole.subarray(first, first + count);
  };
}

/** Checks all names and shapes, then reads one tensor after the other. Frees what it made where one cannot be read. */
async function assemble<S extends SpecTree>(spec: S, stored: Stored, options: LoadOptions & Where): Promise<Params<S>> {
  const names = storedNames(spec, stored.tensors);
  checkNames(names, stored.tensors, options);
  const made = new Map<ParamLeaf, Tensor | PackedMatrix>();
  let complete = false;
  try {
    for (const [leaf, [name, ...others]] of names) {
      if (leaf.kind === 'constant') {
        if (name !== undefined) await readConstant(leaf, name, stored, options);
      } else made.set(leaf, name === undefined ? freshTensor(leaf, options) : await readParam(leaf, [name, ...others], stored, options));
    }
    complete = true;
    return buildParams(spec, (leaf) => made.get(leaf) as Tensor | PackedMatrix);
  } finally {
    if (!complete) disposeTree([...made.values()]);
  }
}

/** Under which names each leaf is stored: mostly one, none where it is missing. */
function storedNames(spec: SpecTree, stored: Stored['tensors']): Map<Leaf, string[]> {
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
function checkNames(names: ReadonlyMap<Leaf, string[]>, stored: Stored['tensors'], options: LoadOptions & { where: string }): void {
  const { where, allowMissing = () => false, ignoreUnexpected = () => false } = options;
  const known = new Set([...names.values()].flat());
  const unexpected = [...stored.keys()].filter((name) => !known.has(name) && !ignoreUnexpected(name));
  const missing = [...names].filter(([leaf, found]) => leaf.kind === 'param' && found.length === 0 && !allowMissing(leaf.name));
  if (missing.length) {
    const got = unexpected.length ? `instead ${listNames(unexpected)}` : `${stored.size} tensors, none of them these`;
    const fix = 'use the config.json that belongs to these weights, or allow what may be missing with allowMissing';
    throw weightsError(`${where}: weights are missing.`, listNames(missing.map(([leaf]) => leaf.name)), got, fix);
  }
  const misshapen = [...names].flatMap(([leaf, found]) =>
    found.filter((name) => stored.get(name)?.shape.join() !== leaf.shape.join()).map((name) => ({ name, shape: leaf.shape })),
  );
  if (misshapen.length) {
    const want = misshapen.map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
    const got = misshapen.map(({ name }) => `[${stored.get(name)?.shape.join(', ')}]`);
    const fix = 'use the config.json that belongs to these weights';
    throw weightsError(`${where}: weights have the wrong shape.`, listNames(want), listNames(got), fix);
  }
  if (unexpected.length) {
    const fix = 'use the config.json that belongs to these weights, or leave tensors out with ignoreUnexpected';
    throw weightsError(
      `${where}: there are tensors that the model does not have.`,
      `${known.size} tensors of the model`,
      listNames(unexpected),
      fix,
    );
  }
}

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
    fix: 'pass { allowMissing, seed: 1 }',
  });
}
