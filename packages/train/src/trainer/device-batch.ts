import { type Tensor1D, type Tensor2D, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';

/** A micro-batch on the device. */
export interface DeviceBatch {
  tokens: Tensor2D;
  targets: Tensor1D;
  documentStarts?: Tensor2D;
}

/** Uploads a batch; the caller frees the tensors. */
export function toDevice({ tokens, targets, documentStarts, batchSize, length }: Batch): DeviceBatch {
  const shape: [number, number] = [batchSize, length];
  const uploaded = { tokens: tensor2d(tokens, shape, 'int32'), targets: tensor1d(targets, 'int32') };
  return documentStarts ? { ...uploaded, documentStarts: tensor2d(Int32Array.from(documentStarts), shape, 'int32') } : uploaded;
}
