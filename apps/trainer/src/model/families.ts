import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { usageError } from '../errors';
import type { Io } from '../io';
import { nearest } from '../settings/nearest';
import { MODELS, type ModelName } from '../settings/table';
import { type CommandModel, nameOf } from './command-model';

/** The models of the house by what `--model` calls them. */
const OURS: Readonly<Record<ModelName, CommandModel>> = {
  mamba,
  'dense-mamba': denseMamba,
  mamba2,
  'dense-mamba2': denseMamba2,
  retnet,
  'dense-retnet': denseRetNet,
};

/** The models of the house. */
export const FAMILIES: readonly CommandModel[] = Object.values(OURS);

/** Every kind of model that the command opens, those of plugins last; config.json says which one a folder holds. */
export const modelsOf = ({ models = [] }: Pick<Io, 'models'>): readonly CommandModel[] => [...FAMILIES, ...models];

/**
 * The model of a name.
 * @param plugins that a run was made with, for the advice
 * @throws SsmError OPTION where there is none
 */
export function modelNamed(name: string, { models = [] }: Pick<Io, 'models'>, plugins: readonly string[] = []): CommandModel {
  if (Object.hasOwn(OURS, name)) return OURS[name as ModelName];
  const own = models.find((one) => nameOf(one) === name);
  if (own !== undefined) return own;
  const names = [...MODELS, ...models.map(nameOf)];
  const meant = nearest(name, names);
  const missing = plugins.length > 0 ? plugins.map((one) => `--plugin ${one}`).join(' ') : '--plugin FILE';
  const fix = meant === undefined ? `add ${missing}, the module with the model` : `did you mean ${meant}?`;
  throw usageError(`There is no model ${name}.`, names.join(', '), name, fix);
}
