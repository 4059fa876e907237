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
import { clone, getBackend, type Tensor } from '@tensorflow/tfjs-core';
import { runtimeOf } from '../backend-runtime';
import type { EmptyMatrix } from './empty-matrix';

/**
 * Makes an empty packed matrix for each leaf of a spec that may be one, nothing for others: what `loadParams` of the checkpoints fills. Precision-sensitive
 * leaves are bfloat16 where the others are quantized.
 * @throws SsmError OPTION for an unknown type; and later BACKEND where our kernels do not run on the backend in use, or it has no room
 */
export function packer(weights: WeightType): (leaf: ParamLeaf) => PackedMatrix | undefined {
  return (leaf) => {
    const type = weightTypeOf(leaf, weights);
    return type && emptyMatrix()(leaf.shape as [number, number], { type, name: leaf.name });
  };
}

/** How the backend in use makes packed matrices. @throws SsmError BACKEND where it does not */
function emptyMatrix(): EmptyMatrix {
  const runtime = runtimeOf();
  if (runtime) return runtime.emptyMatrix;
  throw new SsmError({
    code: 'BACKEND',
    what: 'packed weights: the backend in use does not run our kernels.',
    expected: 'a backend with packed weights, such as wasm with our kernels registered',
    got: getBackend(),
    fix: "startBackend({ device: 'wasm' }) of a runtime package, or registerWasmKernels(findBackend('wasm'))",
  });
}

/**
 * Params of the same form whose matrices are packed, for `forward`, `advance` and the decoder of any model; the others are clones. What was
 * given stays the caller's, and may be freed.
 * @throws SsmError as {@link packer}, and WEIGHTS where a value is not finite or params are packed already
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
