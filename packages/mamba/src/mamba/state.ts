import type { Tensor3D } from '@tensorflow/tfjs-core';
import type { BackboneState, StateShapes } from '../backbone';
import type { MambaConfig } from './config';

/** Per layer the convolution's tail [B, E, W−1] and the state h [B, E, N]. */
export interface MambaState extends BackboneState<Tensor3D> {}

export const stateShapes = (c: MambaConfig, batch: number): StateShapes => ({
  conv: [batch, c.innerSize, c.convKernel - 1],
  ssm: [batch, c.innerSize, c.stateSize],
});
