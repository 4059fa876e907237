import { type Spawn, threadSource } from '@densessm/kernels/wasm';

const BOOTSTRAP = `
onmessage = ({ data }) => serve(data, () => postMessage('ready'));
`;
/** A browser that has no room for another worker says nothing at all. */
const PATIENCE_MS = 20_000;

/** A Web Worker that serves a pool. It sleeps between jobs. */
export const spawnWorker: Spawn = (start) => {
  const source = URL.createObjectURL(new Blob([threadSource, BOOTSTRAP], { type: 'text/javascript' }));
  const worker = new Worker(source, { type: 'module' });
  let timer: ReturnType<typeof setTimeout>;
  const ready = new Promise<void>((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = ({ message }) =>
      reject(new Error(message || 'its script was refused; a content security policy must allow worker-src blob:'));
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  const settle = (): void => {
    clearTimeout(timer);
    URL.revokeObjectURL(source);
  };
  ready.then(settle, settle);
  worker.postMessage(start);
  const terminate = (): void => {
    settle();
    worker.terminate();
  };
  return { ready, terminate };
};
