import '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
