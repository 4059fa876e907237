import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { type LanguageModel, loadModel } from 'densessm';

let loading: Promise<LanguageModel> | undefined;

self.onmessage = async ({ data }: MessageEvent<{ prompt: string; maxTokens: number }>) => {
  try {
    loading ??= loadModel('./my-model', { wasmUrl, weights: 'int8' });
    const model = await loading.catch((error: unknown) => {
      loading = undefined; // the next message tries again
      throw error;
    });
    for await (const text of model.stream(data.prompt, { maxTokens: data.maxTokens })) self.postMessage({ text });
    self.postMessage({ done: true });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
