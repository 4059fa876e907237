export { checkpointed } from './checkpointed';
export { type ConfigJson, ConfigReader, readConfig } from './config';
export { refuseDisposed } from './disposed';
export { type Problem, SsmError, type SsmErrorCode } from './errors';
export { documentStartsTensor, type ForwardOptions, headInput } from './forward-options';
export { disposeGrads, type Gradients, valueAndGrads } from './gradients';
export {
  type Initializer,
  kaimingUniform,
  normal,
  uniform,
  xavierUniform,
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
  type ChoiceHistory,
  type ChoiceRules,
  type Decoder,
  type DecoderMaker,
  type DecoderOptions,
  type HiddenStates,
  type LayerGate,
  type LayersOf,
  type LayersOptions,
  modelFor,
  type RunOptions,
  registerModel,
  type SequenceModel,
  type TokenChooser,
  type TokenRun,
} from './model';
export { type IntegerRows, isPacked, type OutputRange, type PackedMatrix } from './packed';
export { fromBf16, quantizeInt4, quantizeInt8, toBf16, WEIGHT_GROUP } from './quantize';
export { isDeviceLoss, type ReloadableParams } from './reloadable';
export type { DecayReading, ScanReading, SelectiveReading } from './scan-reading';
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
export { type TokenIds, tokenTensor } from './tokens';
export { disposeTree, mapTree, type TreePath, tensorsOf, tidyTree } from './tree';
export { WEIGHT_TYPES, type WeightType, weightTypeOf } from './weight-type';
