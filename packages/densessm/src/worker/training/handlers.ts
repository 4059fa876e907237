import { pretrainedFiles } from '@densessm/checkpoint';
import type { CommandHandlers } from '@densessm/runtime-web/messages';
import { disposeTree, SsmError } from '@densessm/ssm-core';
import { zipSync } from 'fflate';
import { type LanguageModel, LoadedLanguageModel } from '../../language-model';
import type { ModelFile, Twin } from '../../web/worker-training';
import type { EngineCommands } from '../commands';
import type { WorkerDevice } from '../device';
import type { WorkerModels } from '../models';
import { beginRun, type OpenRun, restoredRun } from './open-run';
import { deleteRun, savedRuns } from './store';

type RunNames = 'train' | 'savedRuns' | 'restoreRun' | 'deleteRun' | 'watchRun' | 'disposeRun';
type RunActions = 'pause' | 'resume' | 'step' | 'stop' | 'sample' | 'save' | 'downloadRun' | 'zipRun' | 'openTwin';

/** The runs of a worker, by their ids. */
export class WorkerRuns {
  readonly #runs = new Map<string, OpenRun>();
  readonly #device: WorkerDevice;
  readonly #models: WorkerModels;

  constructor(device: WorkerDevice, models: WorkerModels) {
    this.#device = device;
    this.#models = models;
  }

  readonly handlers: CommandHandlers<Pick<EngineCommands, RunNames | RunActions>> = {
    train: async ({ options }) => this.#add(await beginRun(options, (await this.#device.started()).reason)),
    savedRuns: () => savedRuns(),
    restoreRun: async ({ run }) => {
      if (this.#runs.has(run)) await this.#dispose(run);
      return this.#add(await restoredRun(run, (await this.#device.started()).reason));
    },
    deleteRun: async ({ run }) => {
      await this.#dispose(run);
      await deleteRun(run);
    },
    watchRun: ({ run }, { signal, tell }) => this.#get(run).run.watch((event) => void tell(event), signal),
    pause: ({ run }) => this.#get(run).run.pause(),
    resume: ({ run }) => this.#get(run).run.resume(),
    step: ({ run }) => this.#get(run).run.step(),
    stop: ({ run }) => this.#get(run).run.stop(),
    save: ({ run }) => this.#get(run).run.save(),
    sample: ({ run: id, twin, prompt, options }, { signal }) => {
      const { run } = this.#get(id);
      return run.between(() => run.twins.sample(twin, prompt, { ...options, signal }));
    },
    downloadRun: async ({ run, twin }, { transfer }) => {
      const files = await filesOf(this.#get(run), twin);
      transfer.push(...files.map(({ bytes }) => bytes.buffer));
      return files;
    },
    zipRun: async ({ run, twin }, { transfer }) => {
      const open = this.#get(run);
      const folder = `${open.run.opened().facts.name.replaceAll(/[^\w.-]+/g, '-')}-${twin}`;
      const files = (await filesOf(open, twin)).map(({ name, bytes }) => [`${folder}/${name}`, bytes] as const);
      const zip = zipSync(Object.fromEntries(files), { level: 0 }) as Uint8Array<ArrayBuffer>; // weights do not shrink
      transfer.push(zip.buffer);
      return zip;
    },
    openTwin: async ({ run: id, twin }) => {
      const { run, data } = this.#get(id);
      const copy = await run.between(() => run.twins.copy(twin));
      const { facts, step } = run.opened();
      const parts = { ...copy, tokenizer: data.tokenizer, device: facts.device, weights: 'f32', samplingDefaults: {}, eosIds: [] };
      const source = `${twin} model of ${facts.name} after ${step} steps`;
      return this.#models.add(new LoadedLanguageModel({ ...parts, source } as never) as unknown as LanguageModel);
    },
    disposeRun: ({ run }) => this.#dispose(run),
  };

  #add(open: OpenRun) {
    const opened = open.run.opened();
    this.#runs.set(opened.facts.id, open);
    if (open.isStarted) open.run.resume();
    return { ...opened, state: open.run.opened().state };
  }

  #get(id: string): OpenRun {
    const found = this.#runs.get(id);
    if (found) return found;
    throw new SsmError({
      code: 'STATE',
      what: 'The run was disposed of.',
      expected: 'a run that the worker holds',
      got: id,
      fix: 'restore it from its last checkpoint',
    });
  }

  async #dispose(id: string): Promise<void> {
    const open = this.#runs.get(id);
    this.#runs.delete(id);
    await open?.run.dispose();
    open?.unlock();
  }
}

/** A model as it is now, as files in Hugging Face layout. */
async function filesOf({ run, data }: OpenRun, twin: Twin): Promise<(ModelFile & { bytes: Uint8Array<ArrayBuffer> })[]> {
  const copy = await run.between(() => run.twins.copy(twin));
  try {
    const files = [];
    for (const { name, pieces } of pretrainedFiles(copy, { maxShardBytes: Number.MAX_SAFE_INTEGER })) {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for await (const piece of pieces) parts.push(piece.slice());
      files.push({ name, bytes: new Uint8Array(await new Blob(parts).arrayBuffer()) });
    }
    const tokenizer = new TextEncoder().encode(`${JSON.stringify(data.tokenizer, null, 2)}\n`);
    return [...files, { name: 'tokenizer.json', bytes: tokenizer }];
  } finally {
    disposeTree(copy.params);
  }
}
