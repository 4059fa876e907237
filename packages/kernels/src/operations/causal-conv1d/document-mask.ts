import { add, cast, pad, relu, reshape, slice, sub, type Tensor, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { cumsum } from '../cumsum/kernel';

/** Which inputs belong to the document of a token, 1 or 0, where documents are packed one after another. */
export interface DocumentMask {
  /** Whether token t sees the input that meets column j of w in it. [B, T, 1] */
  token(j: number): Tensor;
  /** Whether the token after the last would see each of the W − 1 newest inputs. [B, W−1, 1] */
  readonly tail: Tensor;
}

/** Undefined where there are no starts: then every token sees all W inputs. An input is seen by a token that has no more starts behind it. */
export function documentMaskOf({
  x,
  w,
  documentStarts,
}: {
  x: Tensor3D;
  w: Tensor2D;
  documentStarts?: Tensor2D;
}): DocumentMask | undefined {
  if (!documentStarts) return undefined;
  const [batch, length, before] = [x.shape[0], x.shape[1], w.shape[1] - 1];
  const front: [number, number][] = [
    [0, 0],
    [before, 0],
  ];
  const counts = tidy(() => cumsum({ x: pad(cast(documentStarts, 'float32'), front) })) as Tensor2D;
  const seen = (from: number, count: number, by: Tensor): Tensor =>
    tidy(() => reshape(relu(sub(add(slice(counts, [0, from], [batch, count]), 1), by)), [batch, count, 1]));
  const ofTokens = slice(counts, [0, before], [batch, length]);
  return { token: (j) => seen(j, length, ofTokens), tail: seen(length, before, slice(counts, [0, before + length - 1], [batch, 1])) };
}
