import type { ParamLeaf } from './spec';

/** In which type weights are kept: 32, 16, 8.5 and 4.5 bits a weight. */
export const WEIGHT_TYPES = ['f32', 'bf16', 'int8', 'int4'] as const;
export type WeightType = (typeof WEIGHT_TYPES)[number];

/**
 * How a leaf is kept in a model with weights of a type: matrices in it, fine ones in 16 bits at least, everything else in float32, for
 * which this is undefined.
 */
export function weightTypeOf({ precision }: ParamLeaf, type: WeightType): WeightType | undefined {
  if (precision === 'exact') return undefined;
  return precision === 'fine' && type !== 'f32' ? 'bf16' : type;
}
