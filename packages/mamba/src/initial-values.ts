/**
 * Starting values, as each reference draws them: transformers' _init_weights, and mamba_ssm's modules with its own
 * _init_weights (mixer_seq_simple.py). S4D-real A: Gu et al. 2022, arXiv:2206.11893; Δ: Mamba, arXiv:2312.00752, §3.6.
 */
import { type Initializer, kaimingUniform, normal, uniform } from '@densessm/ssm-core';
import { computed, zerosInit } from '@densessm/ssm-core/internal';
import { mul } from '@tensorflow/tfjs-core';
import type { BackboneConfig } from './backbone-config';

/** A of 1 … count in every row: A_log = ln(1 … count). */
export const logOfCounts = (count: number): Initializer => computed((index) => Math.log(1 + (index % count)));

/** A_log = ln A with A uniform. */
export const logOfUniform = ([low, high]: readonly [number, number]): Initializer =>
  computed((_, random) => Math.log(low + random() * (high - low)));

/** A bias b with softplus(b) = Δ, Δ log-uniform between the config's bounds: b = Δ + ln(1 − e^−Δ). */
export const inverseSoftplus = (c: BackboneConfig): Initializer =>
  computed((_, random) => {
    const [low, high] = [Math.log(c.timeStepMin), Math.log(c.timeStepMax)];
    const delta = Math.max(Math.exp(low + random() * (high - low)), c.timeStepFloor);
    return delta + Math.log(-Math.expm1(-delta));
  });

/** Projections into the mixer, and the head: transformers and fla overwrite PyTorch's own start, the original keeps it. */
export const ofProjections = (c: BackboneConfig): Initializer => (c.layout === 'mamba_ssm' ? kaimingUniform : normal(c.initializerRange));

/** The convolution's bias: PyTorch's own uniform start in the original, zero in transformers and fla. */
export const ofConvBias = (c: BackboneConfig): Initializer =>
  c.layout === 'mamba_ssm' ? uniform(-1 / Math.sqrt(c.convKernel), 1 / Math.sqrt(c.convKernel)) : zerosInit;

/** The projection out of the mixer: smaller with depth where asked for, as the residual sum of L layers grows with √L. */
export const ofOutProjection = (c: BackboneConfig): Initializer =>
  c.rescalePrenormResidual ? (shape, seed) => mul(kaimingUniform(shape, seed), 1 / Math.sqrt(c.numHiddenLayers)) : kaimingUniform;
