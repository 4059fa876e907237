import { Worker } from 'node:worker_threads';
import { type Spawn, threadSource } from '@densessm/kernels/wasm';

const BOOTSTRAP = `
import { parentPort, workerData } from 'node:worker_threads';
serve(workerData, () => parentPort.postMessage('ready'));
`;

/** A worker thread of Node that serves a pool. It sleeps between jobs and does not keep the process alive. */
export const spawnWorker: Spawn = (start) => {
  const source = new URL(`data:text/javascript,${encodeURIComponent(threadSource + BOOTSTRAP)}`);
  // what the process was started with, as loaders of TypeScript, is of no use in there
  const worker = new Worker(source, { workerData: start, execArgv: [] });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once('message', () => {
      worker.unref();
      resolve();
    });
    worker.on('error', reject);
    worker.once('exit', (code) => reject(new Error(`a worker ended with code ${code}`)));
  });
  return { ready, terminate: () => void worker.terminate() };
};
