/** Masks of tf.layers, [B, T]: true where a step counts, false where it is padding. Letters in shapes: B batch, T time, D hidden size. */
import {
  argMax,
  cast,
  expandDims,
  mul,
  oneHot,
  reshape,
  reverse,
  slice,
  squeeze,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
} from '@tensorflow/tfjs-core';

/** The only tensor of a list, or the one that is no list. */
export const onlyOne = <T>(given: T | T[]): T => (Array.isArray(given) ? (given[0] as T) : given);

/** tfjs passes the mask of a layer's only input as itself or in a list; null where there is none. */
export const maskOf = (mask: Tensor | Tensor[] | null | undefined): Tensor2D | undefined => {
  const one = mask ? onlyOne(mask) : undefined;
  return one ? (one as Tensor2D) : undefined;
};

/**
 * 1 at the first step that counts of each row, else 0, [B, T] int32: there the state starts anew, so that padding in front of a sequence changes
 * nothing. Padding behind it changes nothing as layers are causal.
 */
export const firstSteps = (mask: Tensor2D): Tensor2D => marked(argMax(cast(mask, 'int32'), 1) as Tensor1D, mask);

/** Of each row the vector of its last step that counts, [B, T, D] → [B, D]. */
export function lastStep(x: Tensor3D, mask: Tensor2D | undefined): Tensor2D {
  const [batch, length, width] = x.shape;
  if (mask === undefined) return reshape(slice(x, [0, length - 1, 0], [batch, 1, width]), [batch, width]);
  const fromEnd = argMax(reverse(cast(mask, 'int32'), 1), 1) as Tensor1D;
  const last = cast(marked(sub(length - 1, fromEnd), mask), 'float32');
  return squeeze(sum(mul(x, expandDims(last, -1)), 1, true), [1]); // a product, since gather has no gradient on wasm
}

/** 1 at one place of each row; through int32, since wasm's oneHot writes integers whatever its dtype says. */
const marked = (places: Tensor, like: Tensor2D): Tensor2D =>
  oneHot(cast(places, 'int32') as Tensor1D, like.shape[1], 1, 0, 'int32') as Tensor2D;
