import { disposeTree, mapTree, type SequenceModel, tensorsOf, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import { mulberry32 } from '@densessm/ssm-core/internal';
import {
  add,
  concat,
  mul,
  type Scalar,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor,
  tensor2d,
} from '@tensorflow/tfjs-core';
import { expectClose } from '../expect-close';

/** Starting values with noise, so that gates that start at zero take part. */
export function shaken<P>(params: P): P {
  const random = mulberry32(11);
  const noise = ({ size, shape }: Tensor) =>
    tensor(
      Float32Array.from({ length: size }, () => 0.2 * random() - 0.1),
      shape,
    );
  const noisy = tidyTree(() => mapTree(params, (one) => add(one, noise(one))));
  disposeTree(params);
  return noisy;
}

export function someTokens(batch: number, length: number, vocabSize: number): Tensor2D {
  const random = mulberry32(3);
  return tensor2d(
    Int32Array.from({ length: batch * length }, () => Math.floor(random() * vocabSize)),
    [batch, length],
    'int32',
  );
}

/** `advance` over pieces of the given lengths, from the start of a text or from a state: all logits and the last state. */
export function advanceInPieces<C, P, S>(
  model: SequenceModel<C, P, S>,
  params: P,
  config: C,
  tokens: Tensor2D,
  pieces: readonly number[],
  from: S = model.initialState(config, tokens.shape[0]),
): [Tensor3D, S] {
  let state = from;
  let start = 0;
  const parts: Tensor3D[] = [];
  for (const piece of pieces) {
    const [logits, next] = model.advance(params, config, slice(tokens, [0, start], [-1, piece]), state);
    parts.push(logits);
    state = next;
    start += piece;
  }
  return [concat(parts, 1), state];
}

/** Gradients of one random weighting of the logits through one way of computing them and through others. */
export async function expectSameGradients<P extends object>(
  params: P,
  like: Tensor,
  tolerance: number,
  one: (params: P) => Tensor,
  ...others: ((params: P) => Tensor)[]
): Promise<void> {
  const random = mulberry32(17);
  const weights = tensor(
    Float32Array.from({ length: like.size }, () => 2 * random() - 1),
    like.shape,
  );
  const through = (logits: (params: P) => Tensor) =>
    valueAndGrads((current: P) => tidyTree(() => sum(mul(logits(current), weights)) as Scalar), params);
  const want = through(one);
  for (const other of others) {
    const got = through(other);
    const gradients = new Map([...tensorsOf(got.grads)].map(([path, gradient]) => [path.join('.'), gradient]));
    for (const [path, gradient] of tensorsOf(want.grads))
      await expectClose(`gradient of ${path.join('.')}`, gradient, gradients.get(path.join('.')) ?? [], tolerance, 1e-2);
    disposeTree(got);
  }
  disposeTree([weights, want]);
}
