import { add, cast, notEqual, range, scalar, type Tensor, type Tensor1D, type Tensor2D, where } from '@tensorflow/tfjs-core';

export interface CrossEntropyInputs {
  /** [M, V] */
  logits: Tensor2D;
  /** [M] int32 */
  targets: Tensor1D;
}
export interface CrossEntropyAttrs {
  /** Rows with this target count neither in the sum nor in the mean. */
  ignoreIndex: number;
  /** 'mean' gives one number, 'none' the loss of each row, 0 where ignored. */
  reduction: 'mean' | 'none';
}

/** What the loss and its gradient both take. */
export const lossInputs = { logits: ['M', 'V'], targets: { dims: ['M'], dtype: 'int32' } } as const;
export const lossAttrs: CrossEntropyAttrs = { ignoreIndex: -100, reduction: 'mean' };
export const FIX = 'flatten logits to [B·T, V] and the next tokens to [B·T]';

/** 1 for a row that counts and 0 for an ignored one, [M], and the place of each row's target in the flattened logits, [M] int32. */
export function rowsOf(logits: Tensor2D, targets: Tensor1D, ignoreIndex: number): { counts: Tensor1D; places: Tensor1D } {
  const [height, width] = logits.shape;
  const counts: Tensor1D = notEqual(targets, scalar(ignoreIndex, 'int32'));
  const inside = where<Tensor>(counts, targets, scalar(0, 'int32'));
  const documentStarts = range(0, height * width, width, 'int32');
  return { counts: cast(counts, 'float32'), places: add(documentStarts, inside) as Tensor1D };
}
