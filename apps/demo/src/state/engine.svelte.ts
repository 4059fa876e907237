/** The worker, the device and the model in use: one for all rooms. */
import wasmUrl from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?url';
import { createWorkerClient, type DeviceFacts, type Twin, type WorkerClient, type WorkerModel } from 'densessm/web';
import { unlessAborted } from './aborts';
import { isAbort, isDisposedWorker, isEndedWorker, isLostDevice, isNotPublic, type Trouble, troubleOf } from './troubles';
import { beginWork } from './work';

export type Choice =
  | { readonly kind: 'shipped'; readonly twin: Twin }
  | { readonly kind: 'hub'; readonly id: string }
  | { readonly kind: 'files'; readonly name: string; readonly files: readonly File[] }
  | { readonly kind: 'run'; readonly name: string; readonly twin: Twin; readonly open: () => Promise<WorkerModel> };

export interface Loading {
  readonly choice: Choice;
  readonly label: string;
  readonly loaded: number;
  readonly total: number;
}

const DEVICES = ['auto', 'webgpu', 'wasm', 'cpu'];
let client: WorkerClient | undefined;
let device = $state.raw<DeviceFacts | undefined>();
let wanted = $state(startDevice());
let model = $state.raw<WorkerModel | undefined>();
let choice = $state.raw<Choice>({ kind: 'shipped', twin: 'dense' });
let loading = $state.raw<Loading | undefined>();
let trouble = $state.raw<Trouble | undefined>();
let notice = $state.raw<string | undefined>();
let pending: Promise<WorkerModel | undefined> | undefined;
let abort: AbortController | undefined;
let overcoming: Promise<void> | undefined;

function startDevice(): string {
  const asked = new URLSearchParams(location.search).get('device') ?? 'auto';
  return DEVICES.includes(asked) ? asked : 'auto';
}

export const addressOfShipped = (twin: Twin): string => `./models/${twin}`;

export function nameOf(one: Choice): string {
  if (one.kind === 'shipped') return one.twin === 'dense' ? 'DenseMamba, ships with this page' : 'Mamba, ships with this page';
  if (one.kind === 'hub') return one.id;
  if (one.kind === 'files') return one.name;
  return `${one.name}, ${one.twin}`;
}

/** Whether both name one model. Files of one name may differ, as a run does from itself after more steps: of these each choice is another model. */
export const isSameModel = (one: Choice | undefined, other: Choice): boolean =>
  one === other || (one?.kind === other.kind && (one.kind === 'shipped' || one.kind === 'hub') && nameOf(one) === nameOf(other));

/** As the header names it, before and after it is loaded. */
export function shortNameOf(one: Choice): string {
  if (one.kind === 'shipped') return one.twin === 'dense' ? 'DenseMamba' : 'Mamba';
  if (one.kind === 'hub') return one.id.split('/').at(-1) ?? one.id;
  return nameOf(one);
}

/** The worker; started where it is not yet. */
function worker(): WorkerClient {
  client ??= createWorkerClient({
    device: wanted,
    wasmUrl: new URL(wasmUrl, location.href),
    worker: () => new Worker(new URL('../worker.ts', import.meta.url), { type: 'module' }),
  });
  return client;
}

async function start(): Promise<DeviceFacts | undefined> {
  try {
    device = await worker().start();
    return device;
  } catch (error) {
    trouble = troubleOf(error);
    return undefined;
  }
}

async function open(next: Choice, signal: AbortSignal): Promise<WorkerModel> {
  await start();
  if (next.kind === 'run') return next.open();
  const onProgress = ({ file, loaded, total }: { file: string; loaded: number; total: number }) => {
    // A whole file says nothing of what comes next.
    loading = loaded < total ? { choice: next, label: `Loading ${file.split('/').at(-1) ?? file}`, loaded, total } : openingOf(next);
  };
  const files = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json'];
  const options = { onProgress, signal, onNotice: (text: string) => (notice = text) };
  if (next.kind === 'files' && !next.files.some(({ name }) => name === 'config.json'))
    throw new Error(
      `This is no model: ${nameOf(next)} has no config.json.\n  fix choose the folder that densessm train or Hugging Face wrote`,
    );
  if (next.kind === 'shipped') return worker().load(addressOfShipped(next.twin), { ...options, files });
  return worker().load(next.kind === 'hub' ? next.id : next.files, options);
}

const openingOf = (choice: Choice): Loading => ({ choice, label: `Opening ${nameOf(choice)}`, loaded: 0, total: 0 });

/** Takes another model; the old one stays until the new one is there. A choice that fails leaves the old one in use. */
function use(next: Choice): Promise<WorkerModel | undefined> {
  abort?.abort();
  const own = new AbortController();
  abort = own;
  trouble = undefined;
  loading = openingOf(next);
  const done = beginWork(() => own.abort());
  pending = open(next, own.signal)
    .then(async (opened) => {
      if (own.signal.aborted) return opened.dispose().then(() => model);
      const old = model;
      [model, choice] = [opened, next];
      await old?.dispose();
      return opened;
    })
    .catch((error: unknown) => {
      if (!isAbort(error) && abort === own)
        trouble = next.kind === 'hub' && isNotPublic(error) ? notOnHub(next.id, error) : troubleOf(error);
      return model;
    })
    .finally(() => {
      done();
      if (abort === own) [loading, pending] = [undefined, undefined];
    });
  return pending;
}

const notOnHub = (id: string, error: unknown): Trouble => ({
  what: `The Hub has no public model “${id}”.`,
  todo: 'Look at its spelling: owner/name. A model that needs a login can be downloaded and opened as a folder.',
  detail: troubleOf(error).detail,
});

/** The model in use, after whatever is being loaded; the shipped one is loaded where there is none. The signal ends the wait, not the load. */
async function ready(signal?: AbortSignal): Promise<WorkerModel | undefined> {
  if (!pending && !model) void use(choice);
  while (pending) await unlessAborted(pending, signal);
  return model;
}

/** Ends the worker; what comes next starts another one. */
function endWorker(): void {
  client?.dispose();
  [client, device, model, pending] = [undefined, undefined, undefined, undefined];
}

async function changeDevice(name: string): Promise<void> {
  wanted = name;
  endWorker();
  trouble = undefined;
  await use(choice);
  if (model !== undefined || choice.kind !== 'run') return;
  await use({ kind: 'shipped', twin: 'dense' });
  notice = 'The model of your run had not been saved and is gone with the device; the one of this page is in use.';
}

async function goOnWithoutGpu(): Promise<void> {
  await changeDevice('wasm');
  const after = notice ? `${notice} ` : '';
  notice = `${after}The graphics card went away: its driver was reset, or the computer slept. The page goes on with WebAssembly.`;
}

/**
 * Goes on with WebAssembly where the graphics device went away. Whatever ran on it fails, each with an error of its own: the first one changes the device,
 * the others wait for it. Resolves to false where there is nothing to go on with, and the error is to be shown.
 */
async function overcome(error: unknown): Promise<boolean> {
  if (isLostDevice(error) && wanted !== 'wasm')
    overcoming ??= goOnWithoutGpu().finally(() => {
      overcoming = undefined;
    });
  else if (isEndedWorker(error) && !isDisposedWorker(error)) endWorker();
  if (!isLostDevice(error) && !isDisposedWorker(error)) return false;
  await (overcoming ?? pending);
  return model !== undefined;
}

export const engine = {
  get client(): WorkerClient {
    return worker();
  },
  get device(): DeviceFacts | undefined {
    return device;
  },
  get wanted(): string {
    return wanted;
  },
  get model(): WorkerModel | undefined {
    return model;
  },
  get choice(): Choice {
    return choice;
  },
  get loading(): Loading | undefined {
    return loading;
  },
  get trouble(): Trouble | undefined {
    return trouble;
  },
  get notice(): string | undefined {
    return notice;
  },
  forget(): void {
    [trouble, notice] = [undefined, undefined];
  },
  start,
  use,
  cancel: (): void => abort?.abort(),
  ready,
  changeDevice,
  overcome,
};
