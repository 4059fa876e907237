/** The worker, the device and the model in use: one for all rooms. */
import wasmUrl from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?url';
import { createWorkerClient, type DeviceFacts, type Twin, type WorkerClient, type WorkerModel } from 'densessm/web';
import { isAbort, type Trouble, troubleOf } from './troubles';
import { work } from './work.svelte';

export type Choice =
  | { readonly kind: 'shipped'; readonly twin: Twin }
  | { readonly kind: 'hub'; readonly id: string }
  | { readonly kind: 'files'; readonly name: string; readonly files: readonly File[] }
  | { readonly kind: 'run'; readonly name: string; readonly twin: Twin; readonly open: () => Promise<WorkerModel> };

export interface Loading {
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
    loading = { label: `Loading ${file.split('/').at(-1) ?? file}`, loaded, total };
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

/** Takes another model; the old one stays until the new one is there. A choice that fails leaves the old one in use. */
function use(next: Choice): Promise<WorkerModel | undefined> {
  abort?.abort();
  const own = new AbortController();
  abort = own;
  trouble = undefined;
  loading = { label: `Opening ${nameOf(next)}`, loaded: 0, total: 0 };
  const done = work.begin(`Loading ${nameOf(next)}`, () => own.abort());
  pending = open(next, own.signal)
    .then(async (opened) => {
      if (own.signal.aborted) return opened.dispose().then(() => model);
      const old = model;
      [model, choice] = [opened, next];
      await old?.dispose();
      return opened;
    })
    .catch((error: unknown) => {
      if (!isAbort(error) && abort === own) trouble = troubleOf(error);
      return model;
    })
    .finally(() => {
      done();
      if (abort === own) [loading, pending] = [undefined, undefined];
    });
  return pending;
}

/** The model in use; the shipped one is loaded where none is. */
const ready = async (): Promise<WorkerModel | undefined> => (await pending) ?? model ?? use(choice);

async function changeDevice(name: string): Promise<void> {
  wanted = name;
  client?.dispose();
  [client, device, model, pending, trouble] = [undefined, undefined, undefined, undefined, undefined];
  await use(choice.kind === 'run' ? { kind: 'shipped', twin: 'dense' } : choice);
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
  ready,
  changeDevice,
};
