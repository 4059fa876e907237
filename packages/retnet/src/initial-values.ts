import { constant, type Initializer } from '@densessm/ssm-core';
import { div } from '@tensorflow/tfjs-core';
import type { HeadSizes } from './head-sizes';
import { decayLogarithms, rotationAngles } from './positions';

/** Values of another initializer, divided: how deepnorm starts some matrices. */
export const divided =
  (init: Initializer, by: number): Initializer =>
  (shape, seed) =>
    by === 1 ? init(shape, seed) : div(init(shape, seed), by);

/** What deepnorm divides by: (8 L)^¼ for a decoder, arXiv:2203.00555, table 1; 1 without it. */
export const deepnormDivisor = ({ deepnorm, numHiddenLayers }: { deepnorm: boolean; numHiddenLayers: number }): number =>
  deepnorm ? (8 * numHiddenLayers) ** 0.25 : 1;

/** The reference's buffers: stored beside the weights although the config determines them. */
export const positionBuffers = (name: string, { numHeads, keyDim }: HeadSizes) => {
  const width = keyDim / numHeads;
  return {
    angle: constant(`${name}.angle`, [width], () => rotationAngles(width)),
    decay: constant(`${name}.decay`, [numHeads], () => decayLogarithms(numHeads)),
  };
};
