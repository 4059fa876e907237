import { bias, gain, type Params, uniform, weight } from '@densessm/ssm-core';
import { constantInit } from '@densessm/ssm-core/internal';
import { backboneSpec, mixerSpec } from '../backbone-spec';
import { connectionsSpec } from '../dense';
import { inverseSoftplus, logOfCounts, ofProjections } from '../initial-values';
import type { MambaConfig } from './config';

/** The tensors of Mamba or DenseMamba, named as in the layout of the config. */
export const mambaSpec = (c: MambaConfig) => backboneSpec(c, (name, layer) => mambaMixerSpec(c, name, layer));

const mambaMixerSpec = (c: MambaConfig, name: string, layer: number) => {
  const bound = c.timeStepScale / Math.sqrt(c.timeStepRank);
  const startOfRanks = c.timeStepInitScheme === 'constant' ? constantInit(bound) : uniform(-bound, bound);
  return {
    ...mixerSpec(c, name, { intoSize: 2 * c.innerSize, convSize: c.innerSize }),
    xProj: weight(`${name}.x_proj.weight`, [c.timeStepRank + 2 * c.stateSize, c.innerSize], { init: ofProjections(c) }),
    dtProj: {
      weight: weight(`${name}.dt_proj.weight`, [c.innerSize, c.timeStepRank], { init: startOfRanks, precision: 'fine' }),
      bias: bias(`${name}.dt_proj.bias`, c.innerSize, { init: inverseSoftplus(c) }),
    },
    aLog: weight(`${name}.A_log`, [c.innerSize, c.stateSize], { init: logOfCounts(c.stateSize), decay: false, precision: 'exact' }),
    D: gain(`${name}.D`, c.innerSize),
    dense: connectionsSpec(c.dense, layer, { hiddenSize: c.hiddenSize, innerSize: c.innerSize, widthOfB: c.stateSize, mixer: name }),
  };
};

/** The tensors of Mamba or DenseMamba, see {@link mambaSpec}; matrices may be packed. */
export interface MambaParams extends Params<ReturnType<typeof mambaSpec>> {}
export type MambaMixerParams = MambaParams['layers'][number]['mixer'];
