export { configText, parseConfigText } from './config-text';
export { type ArrayTensor, type Dtype, type StoredTensor, type TensorValues, tensorValues } from './dtypes';
export type { SafetensorsHeader, TensorEntry } from './header';
export { type LoadOptions, loadParams, paramsFromTensors } from './load-params';
export { openTorchFile } from './pickle/torch-file';
export {
  type ByteSource,
  openSafetensors,
  parseSafetensors,
  readTensors,
  type SafetensorsFile,
  type SafetensorsReader,
  type TensorSource,
} from './safetensors';
export { paramsSource, tensorsFromParams } from './save-params';
export { safetensorsPieces, serializeSafetensors } from './write';
