import {
  buildParams,
  disposeTree,
  isPacked,
  namedParams,
  type PackedMatrix,
  type ParamLeaf,
  type SpecTree,
  SsmError,
  type WeightType,
  weightTypeOf,
} from '@densessm/ssm-core';
import { clone, type Tensor } from '@tensorflow/tfjs-core';
import { PackedLinear } from '../backends/wasm/packed/packed-linear';

/**
 * Makes an empty packed matrix for each leaf of a spec that may be one, nothing for others: what `loadParams` of the checkpoints fills. Leaves that
 * must stay fine are bfloat16 where the others are whole numbers.
 * @throws SsmError OPTION for an unknown type; and later BACKEND where our kernels do not run on the backend in use, or it has no room
 */
export function packer(weights: WeightType): (leaf: ParamLeaf) => PackedMatrix | undefined {
  return (leaf) => {
    const type = weightTypeOf(leaf, weights);
    return type && PackedLinear.empty(leaf.shape as [number, number], { type, name: leaf.name });
  };
}

/**
 * Params of the same form whose matrices are packed, for `forward`, `advance` and the decoder of any model; the others are clones. What was
 * given stays the caller's, and may be freed.
 * @throws SsmError as {@link PackedLinear.pack}, and WEIGHTS for params that are packed already
 */
export async function packParams<P extends object>(spec: SpecTree, params: P, { weights }: { weights: WeightType }): Promise<P> {
  const packedFor = packer(weights);
  const made = new Map<ParamLeaf, Tensor | PackedMatrix>();
  try {
    for (const [leaf, given] of namedParams(spec, params)) {
      if (isPacked(given)) throw packedAlready(leaf.name);
      const matrix = packedFor(leaf);
      made.set(leaf, matrix ?? clone(given));
      matrix?.write(0, (await given.data()) as Float32Array);
    }
    return buildParams(spec, (leaf) => made.get(leaf) as Tensor | PackedMatrix) as P;
  } catch (error) {
    disposeTree([...made.values()]);
    throw error;
  }
}

const packedAlready = (name: string): SsmError =>
  new SsmError({
    code: 'WEIGHTS',
    what: 'packParams: these params are packed already.',
    expected: 'tensors',
    got: `a packed \`${name}\``,
    fix: 'use them as they are, or load the model again',
  });
