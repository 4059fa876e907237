import type { Tensor } from '@tensorflow/tfjs-core';
import { SsmError } from './errors';

/** One letter per size to bind, a number for a fixed size, a leading '...' for any sizes in front. */
export type Dims = readonly (string | number)[];
export type Binding = readonly [tensor: Tensor | undefined, dims: Dims];
type Letters<S extends Record<string, Binding>> = Exclude<Extract<S[keyof S][1][number], string>, '...'>;

/**
 * Checks the shapes of several tensors against letters and returns the sizes bound to the letters.
 * A letter must mean the same size everywhere; tensors that are undefined (optional inputs) are skipped.
 * @throws SsmError SHAPE naming the first tensor that does not fit.
 */
export function bindShapes<const S extends Record<string, Binding>>(where: string, fix: string, bindings: S): Record<Letters<S>, number> {
  const sizes: Record<string, number> = {};
  const leading: { sizes?: string } = {};
  for (const [name, [tensor, dims]] of Object.entries(bindings)) {
    if (tensor === undefined || fits(tensor.shape, dims, sizes, leading)) continue;
    throw new SsmError({
      code: 'SHAPE',
      what: `${where}: \`${name}\` has the wrong shape.`,
      expected: `[${dims.join(', ')}] with ${JSON.stringify(sizes)}`,
      got: `[${tensor.shape.join(', ')}]`,
      fix,
    });
  }
  return sizes as Record<Letters<S>, number>;
}

/** Binds the letters of one tensor into `sizes`; leaves `sizes` untouched where the tensor does not fit. */
function fits(shape: number[], dims: Dims, sizes: Record<string, number>, leading: { sizes?: string }): boolean {
  const open = dims[0] === '...';
  const named = open ? dims.slice(1) : dims;
  const skip = shape.length - named.length;
  if (open ? skip < 0 : skip !== 0) return false;
  const front = shape.slice(0, skip).join();
  if (open && leading.sizes !== undefined && leading.sizes !== front) return false;
  const found: Record<string, number> = {};
  for (const [axis, dim] of named.entries()) {
    const size = shape[skip + axis] as number;
    const known = typeof dim === 'number' ? dim : (found[dim] ?? sizes[dim]);
    if (known !== undefined && known !== size) return false;
    if (typeof dim === 'string') found[dim] = size;
  }
  if (open) leading.sizes = front;
  Object.assign(sizes, found);
  return true;
}
