export { type Dtype, float32Values, type StoredTensor, type TensorValues, tensorValues } from './dtypes';
export type { SafetensorsHeader, TensorEntry } from './header';
export {
  type ByteSource,
  openSafetensors,
  parseSafetensors,
  type SafetensorsFile,
  type SafetensorsReader,
  type TensorSource,
} from './safetensors';
