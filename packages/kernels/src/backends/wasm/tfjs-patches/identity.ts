import type { CastAttrs, TensorInfo } from '@tensorflow/tfjs-core';
import { replaceStock } from './stock';

interface Counting {
  /** One more tensor shares the data. */
  incRef(dataId: TensorInfo['dataId']): void;
}

/**
 * Replaces tfjs's Identity on wasm, which copies: the tape clones whatever an operation keeps for its gradient, so that training would copy
 * all weights and activations at every use, the logits among them; and Cast to the type that there is, which the gradient of every product asks for.
 * Ours share the data and count its owners, as on every other backend.
 */
export function replaceIdentity(): void {
  for (const name of ['Identity', 'Cast']) {
    replaceStock(name, (stock) => (call) => {
      const x = call.inputs.x as TensorInfo;
      const dtype = (call.attrs as Partial<CastAttrs> | undefined)?.dtype ?? x.dtype;
      if (x.dtype === 'string' || dtype !== x.dtype) return stock(call);
      (call.backend as Counting).incRef(x.dataId);
      return { dataId: x.dataId, shape: x.shape, dtype };
    });
  }
}
