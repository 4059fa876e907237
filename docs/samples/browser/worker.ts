import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { loadModel } from 'densessm';

const loading = loadModel('./my-model', { wasmUrl, weights: 'int8' });

self.onmessage = async ({ data }: MessageEvent<{ prompt: string; maxTokens: number }>) => {
  try {
    const model = await loading;
    for await (const text of model.stream(data.prompt, { maxTokens: data.maxTokens })) self.postMessage({ text });
    self.postMessage({ done: true });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
