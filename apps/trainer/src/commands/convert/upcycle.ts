import type { LoadedModel } from '@densessm/checkpoint';
import {
  type DenseChoices,
  type Mamba2Config,
  type Mamba2Params,
  type MambaConfig,
  type MambaParams,
  mamba,
  mamba2,
  upcycleMamba,
} from '@densessm/mamba';
import { type RetNetConfig, type RetNetParams, retnet, upcycleRetNet } from '@densessm/retnet';
import { disposeTree, SsmError } from '@densessm/ssm-core';

export interface DenseFlags {
  denseLayers?: number;
  denseGate?: DenseChoices['gate'];
  denseGateRank?: number;
  denseProjection?: DenseChoices['projection'];
  denseFusion?: DenseChoices['fuses'];
  denseFusionMethod?: DenseChoices['fusion'];
  denseScope?: DenseChoices['scope'];
  seed?: number;
}

/**
 * The dense form of a plain model: the same logits, with connections that have yet to learn. The tensors of the plain one are taken over.
 * @throws SsmError OPTION for a model that is dense already or has no dense form, and for choices that would change its logits
 */
export function upcycle(plain: LoadedModel, flags: DenseFlags & { denseLayers: number }): LoadedModel {
  const { seed = 1, denseFusion, ...choices } = flags;
  const dense = withoutMissing({
    denseLayers: choices.denseLayers,
    gate: choices.denseGate,
    gateRank: choices.denseGateRank,
    projection: choices.denseProjection,
    fusion: choices.denseFusionMethod,
    scope: choices.denseScope,
  });
  const { model, config, params } = plain;
  const mambaChoices = denseFusion === undefined ? dense : { ...dense, fuses: denseFusion };
  if (model === mamba) return upcycleMamba(params as MambaParams, config as MambaConfig, mambaChoices, seed);
  if (model === mamba2) return upcycleMamba(params as Mamba2Params, config as Mamba2Config, mambaChoices, seed);
  if (model === retnet) {
    const grown = upcycleRetNet(params as RetNetParams, config as RetNetConfig, dense, seed);
    disposeTree(params); // the dense one has clones
    return { model, ...grown };
  }
  throw new SsmError({
    code: 'OPTION',
    what: `convert: ${model.modelType} cannot be made dense.`,
    expected: 'a plain mamba, mamba2 or retnet',
    got: model.modelType,
    fix: 'leave the dense options out',
  });
}

const withoutMissing = <T extends { denseLayers: number }>(choices: T): T =>
  Object.fromEntries(Object.entries(choices).filter(([, value]) => value !== undefined)) as T;
