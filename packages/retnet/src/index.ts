export { parseRetNetConfig, type RetNetConfig, retnetConfigToJson } from './config';
export { type DenseRetNetConfig, denseRetNetConfigToJson, parseDenseRetNetConfig } from './dense-retnet/config';
export { denseRetNetDecoder } from './dense-retnet/decoder';
export { denseRetNet, denseRetNetAdvance, denseRetNetForward, denseRetNetGates, denseRetNetHiddenStates } from './dense-retnet/model';
export { type DenseRetNetParams, type DenseRetNetSpec, denseRetNetSpec } from './dense-retnet/spec';
export { decayLogarithms, type HeadSizes, type Positions, positionsFrom, retentionScale, rotationAngles } from './positions';
export {
  type RetentionFn,
  type RetentionInputs,
  type RetentionOptions,
  retention,
  retentionChunkwise,
  retentionParallel,
  retentionRecurrent,
  rotate,
} from './retention';
export { retnet, retnetAdvance, retnetForward, retnetGates, retnetHiddenStates } from './retnet';
export { retnetDecoder } from './retnet-decoder';
export { type RetNetParams, type RetNetSpec, retnetSpec } from './spec';
export type { RetentionState } from './state';
export type { RetNetOptions } from './trunk';
export { upcycleRetNet } from './upcycle';
