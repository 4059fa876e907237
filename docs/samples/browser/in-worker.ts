import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { loadModelInWorker } from 'densessm/web';

let loading: ReturnType<typeof loadModelInWorker> | undefined;

/** Continues a prompt in a worker, which loads the model the first time, so that the page never waits. */
export async function continueText(prompt: string, onText: (text: string) => void): Promise<void> {
  loading ??= loadModelInWorker('./my-model', { wasmUrl, weights: 'int8' }).catch((error: unknown) => {
    loading = undefined; // the next call tries again
    throw error;
  });
  const model = await loading;
  for await (const text of model.stream(prompt, { maxTokens: 40 })) onText(text);
}
