export type { Io, TextOutput } from './io';
export { type MainOptions, main } from './main';
export type { CommandModel, ModelSizes } from './model/command-model';
