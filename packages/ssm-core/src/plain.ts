/** What needs no tensors, for programs that start without TensorFlow.js: the command's flags and `--help`. */
export { isObject } from './config';
export { SsmError, type SsmErrorCode } from './errors';
export { WEIGHT_TYPES, type WeightType } from './weight-type';
