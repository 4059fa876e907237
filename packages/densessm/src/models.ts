import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import type { AnyModel, SequenceModel } from '@densessm/ssm-core';

/** Every model of this project; config.json says which one a folder holds. */
export const MODELS = [mamba, mamba2, denseMamba, denseMamba2, retnet, denseRetNet] as const satisfies readonly AnyModel[];

/** Any model of {@link MODELS}. */
export type KnownModel = (typeof MODELS)[number];

/** The config of a model. */
export type ConfigOf<M> = M extends SequenceModel<infer Config, infer _Params, infer _State> ? Config : never;

/** The parameters of a model. */
export type ParamsOf<M> = M extends SequenceModel<infer _Config, infer Params, infer _State> ? Params : never;
