import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import type { AnyModel } from '@densessm/ssm-core';

/** Every kind of model that the command opens; config.json says which one a folder holds. */
export const FAMILIES: readonly AnyModel[] = [mamba, mamba2, denseMamba, denseMamba2, retnet, denseRetNet];
