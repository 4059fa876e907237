export type { HeadSizes } from './head-sizes';
export { decayLogarithms, type Positions, positionsFrom, retentionScale, rotationAngles } from './positions';
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
