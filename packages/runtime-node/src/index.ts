import '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';

export { type LoadedModel, loadModel, saveModel } from './model-folder';
