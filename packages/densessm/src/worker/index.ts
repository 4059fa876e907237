import { deleteKeptModel, keptModels, storageRoom } from '@densessm/runtime-web';
import { type MessageEnd, serveCommands } from '@densessm/runtime-web/messages';
import { type KnownModel, MODELS } from '../models';
import type { EngineCommands } from './commands';
import { checkKernels, WorkerDevice } from './device';
import { download } from './downloads';
import { WorkerModels } from './models';
import { WorkerSessions } from './sessions';
import { WorkerRuns } from './training/handlers';

export interface ServeOptions {
  /** Which models may be loaded; config.json chooses. Default: all of this project. Naming them makes the worker's script smaller. */
  models?: readonly KnownModel[];
  /** Where commands come from. Default: the page that started this worker. */
  end?: MessageEnd;
}

/**
 * Makes a worker one that `createWorkerClient` of `densessm/web` can talk to: call it first in the worker's script.
 */
export function serveModels({ models: known = MODELS, end = globalThis as unknown as MessageEnd }: ServeOptions = {}): void {
  const device = new WorkerDevice();
  const models = new WorkerModels(device, known);
  serveCommands<EngineCommands>(end, {
    start: (args) => device.start(args),
    checkKernels: (_, call) => checkKernels(device, call),
    download,
    keptModels: () => keptModels(),
    deleteKept: ({ source }) => deleteKeptModel(source),
    storage: () => storageRoom(),
    ...models.handlers,
    ...new WorkerSessions(models).handlers,
    ...new WorkerRuns(device, models).handlers,
  });
}
