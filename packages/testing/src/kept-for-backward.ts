import { disposeTree, tensorsOf, valueAndGrads } from '@densessm/ssm-core';
import { customGrad, engine, type Scalar, type Tensor } from '@tensorflow/tfjs-core';

export interface Kept {
  buffers: number;
  bytes: number;
  largest: number;
}

/** What tfjs's tape holds for backward, params aside, each buffer once however many tensors share it. */
function onTape(params: object): Kept {
  const tape = engine().state.activeTape ?? [];
  const own = new Set([...tensorsOf(params)].map(([, { dataId }]) => dataId));
  const saved = tape.flatMap((node) => (node as { saved?: Tensor[] }).saved ?? []).filter(({ dataId }) => !own.has(dataId));
  const bytes = [...new Map(saved.map(({ dataId, size }) => [dataId, 4 * size])).values()];
  return { buffers: bytes.length, bytes: bytes.reduce((total, one) => total + one, 0), largest: Math.max(...bytes) };
}

/** What is kept between the forward and the backward pass of a loss, beside the parameters. */
export function keptForBackward<P extends object>(loss: (params: P) => Scalar, params: P): Kept {
  let kept: Kept = { buffers: 0, bytes: 0, largest: 0 };
  // the last operation of forward is the first whose gradient runs
  const probe = customGrad((x) => ({
    value: (x as Tensor).clone(),
    gradFunc: (dy: Tensor) => {
      kept = onTape(params);
      return dy.clone();
    },
  }));
  disposeTree(valueAndGrads((some: P) => probe(loss(some)) as Scalar, params));
  return kept;
}
