import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { BackboneState, StateShapes } from '../backbone';
import type { Mamba2Config } from './config';
import { convSize } from './spec';

/** Per layer the convolution's tail [B, E + 2·G·N, W−1] and the state h [B, H, N, P], the transpose of transformers'. */
export interface Mamba2State extends BackboneState<Tensor4D> {}

export const stateShapes = (c: Mamba2Config, batch: number): StateShapes => ({
  conv: [batch, convSize(c), c.convKernel - 1],
  ssm: [batch, c.numHeads, c.stateSize, c.headDim],
});
