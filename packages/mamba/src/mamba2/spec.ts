import { bias, gain, type Params } from '@densessm/ssm-core';
import { backboneSpec, mixerSpec } from '../backbone-spec';
import { connectionsSpec } from '../dense';
import { inverseSoftplus, logOfCounts, logOfUniform } from '../initial-values';
import type { Mamba2Config } from './config';

/** The tensors of Mamba-2 or DenseMamba-2, named as in the layout of the config. */
export const mamba2Spec = (c: Mamba2Config) => backboneSpec(c, (name, layer) => mamba2MixerSpec(c, name, layer));

/** Channels that the convolution covers: x, then B and C of every group. */
export const convSize = (c: Mamba2Config): number => c.innerSize + 2 * c.nGroups * c.stateSize;

const mamba2MixerSpec = (c: Mamba2Config, name: string, layer: number) => {
  const { hiddenSize, innerSize, numHeads } = c;
  const startOfA = c.layout === 'transformers' ? logOfCounts(numHeads) : logOfUniform(c.aInitRange);
  return {
    ...mixerSpec(c, name, { intoSize: innerSize + convSize(c) + numHeads, convSize: convSize(c) }),
    dtBias: bias(`${name}.dt_bias`, numHeads, { init: inverseSoftplus(c) }),
    aLog: bias(`${name}.A_log`, numHeads, { init: startOfA }),
    D: gain(`${name}.D`, numHeads),
    /** The gated norm's. */
    norm: gain(`${name}.norm.weight`, innerSize),
    dense: connectionsSpec(c.dense, layer, { hiddenSize, innerSize, widthOfB: c.nGroups * c.stateSize, mixer: name }),
  };
};

/** The tensors of Mamba-2 or DenseMamba-2, see {@link mamba2Spec}; matrices may be packed. */
export interface Mamba2Params extends Params<ReturnType<typeof mamba2Spec>> {}
export type Mamba2MixerParams = Mamba2Params['layers'][number]['mixer'];
