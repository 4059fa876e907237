export { type ConfigJson, ConfigReader, isObject, readConfig } from './config';
export { refuseDisposed } from './disposed';
export { type Problem, SsmError, type SsmErrorCode } from './errors';
export { type ForwardOptions, headInput, lastToken, startsTensor } from './forward-options';
export { disposeGrads, type Gradients, valueAndGrads } from './gradients';
export {
  computed,
  constant as constantInit,
  type Initializer,
  kaimingUniform,
  mulberry32,
  normal,
  uniform,
  xavierUniform,
  zeros as zerosInit,
} from './initializers';
export {
  defineKernel,
  type FastCall,
  type InputSpec,
  type Kernel,
  type KernelDefinition,
  type KernelInputs,
  type KernelOutput,
  type Specialization,
  specialize,
} from './kernel';
export {
  type AnyModel,
  type Decoder,
  type DecoderMaker,
  type DecoderOptions,
  type HiddenStates,
  type LayerGate,
  type LayersOf,
  type LayersOptions,
  modelFor,
  registerModel,
  type SequenceModel,
} from './model';
export { type IntegerRows, isPacked, type OutputRange, type PackedMatrix } from './packed';
export { fromBf16, quantizeInt4, quantizeInt8, toBf16, WEIGHT_GROUP } from './quantize';
export { recomputed } from './recomputed';
export { type Binding, bindShapes, type Dims } from './shapes';
export {
  bias,
  buildParams,
  type ConstantLeaf,
  constant,
  countParams,
  filter,
  gain,
  initParams,
  leavesOf,
  namedParams,
  type ParamLeaf,
  type ParamOptions,
  type Params,
  type Precision,
  repeated,
  type SpecTree,
  weight,
} from './spec';
export { detached, isRecording } from './tape';
export { type TokenIds, tokenTensor } from './tokens';
export { disposeTree, mapTree, type TreePath, tensorsOf, tidyTree } from './tree';
export { WEIGHT_TYPES, type WeightType, weightTypeOf } from './weight-type';
