import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { loadModel } from 'densessm';

const model = await loadModel('./my-model', { wasmUrl, weights: 'int8' });
const output = document.querySelector('#text');
for await (const part of model.stream('Once upon a time', { maxTokens: 40 })) output?.append(part);
