export { configText, parseConfigText } from './config-text';
export { type ArrayTensor, type Dtype, type StoredTensor, type TensorValues, tensorValues } from './dtypes';
export type { SafetensorsHeader, TensorEntry } from './header';
export { type LoadOptions, loadParams, paramsFromTensors } from './load-params';
export { openTorchFile } from './pickle/torch-file';
export type { HubModel } from './pretrained/address';
export { eosTokenIds } from './pretrained/eos';
export { type FileSet, fileSetOf, type NamedBlob, type OpenFile, readText } from './pretrained/file-set';
export { type LoadedModel, loadPretrainedFiles, type PretrainedOptions, readConfigFile } from './pretrained/load';
export { readSamplingDefaults, type SamplingDefaults } from './pretrained/sampling-defaults';
export { type PretrainedFile, pretrainedFiles, type SavePretrainedOptions } from './pretrained/save';
export type { Fetch } from './pretrained/stall-deadline';
export { type OpenWeights, openWeights } from './pretrained/weights';
export { type Quantization, splitQuantization } from './quantized/config';
export { type QuantizedSource, quantizedSource } from './quantized/read';
export {
  type ByteSource,
  openSafetensors,
  parseSafetensors,
  readTensors,
  type SafetensorsFile,
  type SafetensorsReader,
  type TensorSource,
} from './safetensors';
export { paramsSource, type SaveDtype, type SaveOptions, tensorsFromParams } from './save-params';
export { safetensorsPieces, serializeSafetensors } from './write';
