import { isPacked, leavesOf, namedParams, type ParamLeaf, type Params, type SpecTree, SsmError } from '@densessm/ssm-core';
import { Tensor } from '@tensorflow/tfjs-core';
import type { ArrayTensor } from './dtypes';
import { floatBytes } from './narrow';
import { quantizedEntries, type UnreadTensor } from './quantized/write';
import { entryOf, type TensorSource } from './safetensors';

/** How weights can be saved: as floats, or with quantized matrices as QUANTIZED.md describes. */
export type SaveDtype = 'F32' | 'F16' | 'BF16' | 'INT8' | 'INT4';
const SAVE_DTYPES: readonly SaveDtype[] = ['F32', 'F16', 'BF16', 'INT8', 'INT4'];

export interface SaveOptions {
  /** How the weights are kept on disk, F32 unless said otherwise. Constants stay F32. */
  dtype?: SaveDtype;
}

/**
 * The tensors of a model by their names on disk, constants included. Each leaves the backend when it is read, so that
 * saving needs room for one at a time.
 * @throws SsmError WEIGHTS where the params are not those of the spec, and from `read` where a value does not fit the dtype;
 * OPTION for another dtype.
 */
export function paramsSource<S extends SpecTree>(spec: S, params: Params<S>, options: SaveOptions = {}): TensorSource {
  const { dtype = 'F32' } = options;
  requireDtype(dtype);
  const tensors = new Map<string, UnreadTensor>();
  for (const leaf of leavesOf(spec)) {
    if (leaf.kind !== 'constant') continue;
    const bytes = async () => floatBytes(leaf.name, leaf.values(), 'F32');
    tensors.set(leaf.name, { dtype: 'F32', shape: leaf.shape, bytes });
  }
  for (const [leaf, values] of unreadParams(spec, params))
    for (const [name, entry] of entriesOf(leaf, values, dtype)) tensors.set(name, entry);
  const read = async (name: string) => {
    const { dtype: own, shape, bytes } = entryOf('paramsSource', tensors, name);
    return { dtype: own, shape, bytes: await bytes() };
  };
  return { tensors, read };
}

/** The same as arrays, all at once. */
export async function tensorsFromParams<S extends SpecTree>(spec: S, params: Params<S>): Promise<Map<string, ArrayTensor>> {
  const arrays = new Map<string, ArrayTensor>();
  for (const leaf of leavesOf(spec)) if (leaf.kind === 'constant') arrays.set(leaf.name, { shape: leaf.shape, values: leaf.values() });
  for (const [{ name, shape }, values] of unreadParams(spec, params)) {
    arrays.set(name, { shape, values: (await values()).slice() }); // tfjs's cpu backend gives its own array
  }
  return arrays;
}

type Values = () => Promise<Float32Array>;

function* unreadParams(spec: SpecTree, params: unknown): Generator<[ParamLeaf, Values]> {
  for (const [leaf, param] of namedParams(spec, params)) {
    checkParam(leaf.name, leaf.shape, param);
    yield [leaf, async () => (await param.data()) as Float32Array];
  }
}

function entriesOf(leaf: ParamLeaf, values: Values, dtype: SaveDtype): [string, UnreadTensor][] {
  if (dtype === 'INT8' || dtype === 'INT4') return quantizedEntries(leaf, dtype === 'INT8' ? 'int8' : 'int4', values);
  const { name, shape } = leaf;
  return [[name, { dtype, shape, bytes: async () => floatBytes(name, await values(), dtype) }]];
}

function checkParam(name: string, shape: readonly number[], param: unknown): void {
  if (param instanceof Tensor && param.dtype === 'float32' && param.shape.join() === shape.join()) return;
  throw new SsmError({
    code: 'WEIGHTS',
    what: `paramsSource: \`${name}\` does not fit the spec.`,
    expected: `a float32 tensor [${shape.join(', ')}]`,
    got:
      param instanceof Tensor ? `${param.dtype} [${param.shape.join(', ')}]` : isPacked(param) ? `packed as ${param.type}` : String(param),
    fix: isPacked(param) ? 'load the model without `weights` to save it' : 'pass the params together with the config that made them',
  });
}

function requireDtype(dtype: SaveDtype): void {
  if (SAVE_DTYPES.includes(dtype)) return;
  const fix = 'leave it out, or take one of these';
  throw new SsmError({ code: 'OPTION', what: 'paramsSource: unknown dtype.', expected: SAVE_DTYPES.join(', '), got: String(dtype), fix });
}
