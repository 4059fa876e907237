import { connectWorker, type WorkerConnection } from '@densessm/runtime-web/messages';
import type { DownloadEvent, EngineCommands, SentFile } from '../worker/commands';
import { remoteModel } from './remote-model';
import { remoteRun } from './remote-run';
import type {
  DeviceFacts,
  WorkerClient,
  WorkerClientOptions,
  WorkerDownloadOptions,
  WorkerLoadOptions,
  WorkerSource,
} from './worker-client';
import type { WorkerModel } from './worker-model';

/** In tfjs's package. */
const WASM_FILE = 'tfjs-backend-wasm-simd.wasm';

/** A worker's end without the worker's own script, for tests. */
type End = Parameters<typeof connectWorker>[0];

/**
 * Starts a worker that loads models, draws texts, trains and looks inside, so that the page never blocks. Costs nothing until its first command.
 * Dispose of it to end the worker.
 */
export function createWorkerClient({ worker = ownWorker, device, threads, wasmUrl = WASM_FILE }: WorkerClientOptions = {}): WorkerClient {
  const end: End = typeof worker === 'function' ? worker() : worker;
  const connection = connectWorker<EngineCommands>(end);
  const base = globalThis.document?.baseURI ?? globalThis.location?.href ?? 'file:///';
  const args = { device, threads, wasmUrl: new URL(wasmUrl, base).href };
  const start = (): Promise<DeviceFacts> => connection.call('start', args);
  const sourceOf = (source: WorkerSource): string | SentFile[] => {
    if (source instanceof URL) return source.href;
    return typeof source === 'string'
      ? source
      : Array.from(source, (file) => ({ path: file.webkitRelativePath || file.name, content: file }));
  };
  return {
    start,
    load: async (source, options = {}) => {
      await start();
      const { onProgress, onNotice, signal, ...plain } = options;
      const sent = { source: sourceOf(source), base, options: { ...plain } };
      return remoteModel(connection, await connection.call('load', sent, { signal, onEvent: hearing({ onProgress, onNotice }) }));
    },
    download: (source, { onProgress, onNotice, signal, ...plain } = {}) =>
      connection.call(
        'download',
        { source: sourceOf(source), base, options: plain },
        { signal, onEvent: hearing({ onProgress, onNotice }) },
      ),
    keptModels: () => connection.call('keptModels', null),
    deleteKept: (source) => connection.call('deleteKept', { source }),
    storage: () => connection.call('storage', null),
    train: async (options) => {
      await start();
      return remoteRun(connection, await connection.call('train', { options }));
    },
    savedRuns: () => connection.call('savedRuns', null),
    restoreRun: async (run) => {
      await start();
      return remoteRun(connection, await connection.call('restoreRun', { run }));
    },
    deleteRun: (run) => connection.call('deleteRun', { run }),
    checkKernels: async ({ onReport, signal } = {}) => {
      // in a worker of its own, since it would disturb whatever else runs
      const other = typeof worker === 'function' ? connectWorker<EngineCommands>(worker()) : connection;
      try {
        await other.call('start', args);
        return await other.call('checkKernels', null, { signal, onEvent: onReport });
      } finally {
        if (other !== connection) other.dispose();
      }
    },
    dispose: () => connection.dispose(),
  };
}

/**
 * Loads a language model in a worker of its own: the interface of `loadModel`'s, in a page that never blocks. Disposing of it ends the worker.
 * @throws SsmError BACKEND, FILE, NETWORK, MODEL, CONFIG, WEIGHTS, OPTION; the reason of the signal
 */
export async function loadModelInWorker(source: WorkerSource, options: WorkerLoadOptions & WorkerClientOptions = {}): Promise<WorkerModel> {
  const { worker, device, threads, wasmUrl, ...loading } = options;
  const client = createWorkerClient({ worker, device, threads, wasmUrl });
  try {
    const model = await client.load(source, loading);
    const dispose = async (): Promise<void> => client.dispose();
    return { ...model, dispose, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    client.dispose();
    throw error;
  }
}

export type Engine = WorkerConnection<EngineCommands>;

/**
 * The script that lies beside this module. A worker's script must come from the page's own origin: one from elsewhere, as from a CDN, is imported by one
 * that does.
 */
function ownWorker(): Worker {
  const script = new URL('./worker-script.js', import.meta.url);
  const { location } = globalThis;
  // Next's bundler gives an address without an origin
  const isForeign = location !== undefined && new URL(script.href, location.href).origin !== location.origin;
  if (!isForeign) return new Worker(script, { type: 'module', name: 'densessm' });
  const source = URL.createObjectURL(new Blob([`import ${JSON.stringify(script.href)};`], { type: 'text/javascript' }));
  return new Worker(source, { type: 'module', name: 'densessm' });
}

const hearing =
  ({ onProgress, onNotice }: Pick<WorkerDownloadOptions, 'onProgress' | 'onNotice'>) =>
  (event: DownloadEvent): void => {
    if ('progress' in event) onProgress?.(event.progress);
    else onNotice?.(event.notice);
  };
