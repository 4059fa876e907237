export { runtimeOf } from './backend-runtime';
export { type DecoderParts, decoderMaker, packedOf, type RowRange } from './decode/decoder';
export type { DecodeProgram, MakeDecodeProgram, StateBuffer } from './decode/program';
export type {
  ConvolutionStep,
  DecayStep,
  DenseRead,
  DenseSumStep,
  GatedUnitStep,
  GatherStep,
  NormGate,
  ProductStep,
  RmsNormStep,
  RotateStep,
  ScaleStep,
  SelectiveStep,
  SiluStep,
  TimeStepsStep,
  UniformsStep,
} from './decode/recorded-steps';
export type { Slot } from './decode/slot';
