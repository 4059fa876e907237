import type { TensorInfo } from '@tensorflow/tfjs-core';
import { replaceStock } from './stock';

interface Counting {
  /** One more tensor shares the data. */
  incRef(dataId: TensorInfo['dataId']): void;
}

/**
 * Replaces tfjs's Identity on wasm, which copies: the tape clones whatever an operation keeps for its gradient, so that training would copy
 * all weights and activations at every use, the logits among them. Ours shares the data and counts its owners, as on every other backend.
 */
export function replaceIdentity(): void {
  replaceStock('Identity', (stock) => (call) => {
    const x = call.inputs.x as TensorInfo;
    if (x.dtype === 'string') return stock(call);
    (call.backend as Counting).incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  });
}
