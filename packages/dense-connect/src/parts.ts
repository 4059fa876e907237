import { split, type Tensor3D } from '@tensorflow/tfjs-core';

/** `count` equal parts of the last axis. tfjs cannot differentiate a split into one part. */
export const parts = (x: Tensor3D, count: number): Tensor3D[] => (count === 1 ? [x] : split<Tensor3D>(x, count, -1));
