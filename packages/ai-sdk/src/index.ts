export type { DenseSSMOptions } from './call-options';
export type { DenseSSMModel } from './language-model';
export { createDenseSSM, type DenseSSMProvider, type DenseSSMSettings } from './provider';
