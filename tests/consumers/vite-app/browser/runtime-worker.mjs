// The same in a worker of the page's own, which starts the threads' workers itself.
import { startBackend } from '@densessm/runtime-web';
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { step } from './training.mjs';

const { reason } = await startBackend({ device: 'wasm', threads: 2, wasmUrl });
postMessage({ reason, step: await step() });
