// The page's side of runtime-check.mjs, which calls these through playwright.
import { loadPretrained, startBackend } from '@densessm/runtime-web';
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import * as sessions from './sessions.mjs';
import { answer, step } from './training.mjs';

/** What comes of it, or the error's text. */
const outcome = (promise) => promise.catch((error) => `${error.code} ${error.message}`);

/** A worker that ends itself as soon as it has claimed a block, the first of the second part. Words as in src/threads/thread.ts of the kernels. */
const DYING = `onmessage = ({ data: { control } }) => {
  const words = new Int32Array(control);
  postMessage('ready');
  for (;;) {
    const claims = Atomics.load(words, 80);
    if (claims !== 0 && (claims & 0xffff) === 0 && Atomics.compareExchange(words, 80, claims, claims + 1) === claims) return close();
  }
}`;
const RealWorker = globalThis.Worker;

globalThis.side = {
  isIsolated: () => crossOriginIsolated,
  start: (options) => outcome(startBackend({ wasmUrl, ...options }).then(({ reason }) => reason)),
  step: () => outcome(step()),
  answer: (source) => outcome(loadPretrained(source, { models: sessions.models }).then(answer)),
  async session(name, files) {
    await sessions.load(
      name,
      files.map(({ name, text }) => new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name)),
    );
    const { text } = await sessions.begin(name);
    sessions.unloadAll();
    return text;
  },
  inWorker: () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./runtime-worker.mjs', import.meta.url), { type: 'module' });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    }),
  /** Workers that start from now on run another program, and clocks go a hundred times faster. */
  breakWorkers(program = DYING) {
    const source = URL.createObjectURL(new Blob([program], { type: 'text/javascript' }));
    globalThis.Worker = class extends RealWorker {
      constructor(_, options) {
        super(source, options);
      }
    };
    const now = performance.now.bind(performance);
    performance.now = () => 100 * now();
  },
};
