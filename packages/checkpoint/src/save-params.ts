import { leavesOf, namedParams, type Params, type SpecTree, SsmError } from '@densessm/ssm-core';
import { Tensor } from '@tensorflow/tfjs-core';
import type { ArrayTensor } from './dtypes';
import { floatBytes, SAVE_DTYPES, type SaveDtype } from './narrow';
import { entryOf, type TensorSource } from './safetensors';

export interface SaveOptions {
  /** The element type of the weights on disk, F32 unless said otherwise. Constants stay F32. */
  dtype?: SaveDtype;
}

interface Unread {
  readonly dtype: SaveDtype;
  readonly shape: readonly number[];
  values(): Promise<Float32Array>;
}

/**
 * The tensors of a model by their names on disk, constants included. Each leaves the backend when it is read, so that
 * saving needs room for one at a time.
 * @throws SsmError WEIGHTS where the params are not those of the spec, and from `read` where a value does not fit the dtype;
 * OPTION for another dtype.
 */
export function paramsSource<S extends SpecTree>(spec: S, params: Params<S>, options: SaveOptions = {}): TensorSource {
  requireDtype(options.dtype);
  const tensors = unreadTensors(spec, params, options);
  const read = async (name: string) => {
    const { dtype, shape, values } = entryOf('paramsSource', tensors, name);
    return { dtype, shape, bytes: floatBytes(name, await values(), dtype) };
  };
  return { tensors, read };
}

/** The same as arrays, all at once. */
export async function tensorsFromParams<S extends SpecTree>(spec: S, params: Params<S>): Promise<Map<string, ArrayTensor>> {
  const arrays = new Map<string, ArrayTensor>();
  for (const [name, { shape, values }] of unreadTensors(spec, params)) {
    arrays.set(name, { shape, values: (await values()).slice() }); // tfjs's cpu backend gives its own array
  }
  return arrays;
}

function unreadTensors(spec: SpecTree, params: unknown, { dtype = 'F32' }: SaveOptions = {}): Map<string, Unread> {
  const tensors = new Map<string, Unread>();
  for (const leaf of leavesOf(spec)) {
    if (leaf.kind === 'constant') tensors.set(leaf.name, { dtype: 'F32', shape: leaf.shape, values: async () => leaf.values() });
  }
  for (const [{ name, shape }, param] of namedParams(spec, params)) {
    checkParam(name, shape, param);
    tensors.set(name, { dtype, shape, values: async () => (await param.data()) as Float32Array });
  }
  return tensors;
}

function checkParam(name: string, shape: readonly number[], param: unknown): void {
  if (param instanceof Tensor && param.dtype === 'float32' && param.shape.join() === shape.join()) return;
  throw new SsmError({
    code: 'WEIGHTS',
    what: `paramsSource: \`${name}\` does not fit the spec.`,
    expected: `a float32 tensor [${shape.join(', ')}]`,
    got: param instanceof Tensor ? `${param.dtype} [${param.shape.join(', ')}]` : String(param),
    mend: 'pass the params together with the config that made them',
  });
}

function requireDtype(dtype: SaveDtype | undefined): void {
  if (dtype === undefined || SAVE_DTYPES.includes(dtype)) return;
  const mend = 'leave it out, or take one of these';
  throw new SsmError({ code: 'OPTION', what: 'paramsSource: unknown dtype.', expected: SAVE_DTYPES.join(', '), got: String(dtype), mend });
}
