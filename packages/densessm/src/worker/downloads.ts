import { type FileSet, readText } from '@densessm/checkpoint';
import { isHubId } from '@densessm/checkpoint/internal';
import { type KeptModel, keptModels, openPretrained } from '@densessm/runtime-web';
import type { CommandCall } from '@densessm/runtime-web/messages';
import { SsmError } from '@densessm/ssm-core';
import type { WorkerDownloadOptions } from '../web/worker-client';
import type { DownloadEvent, SourceArgs } from './commands';

/** Where it lies, seen from anywhere. */
export function whole(source: string, base: string): string {
  return !isHubId(source) && URL.canParse(source, base) ? new URL(source, base).href : source;
}

/** How often a page hears of progress: more would only keep it busy. */
const TELL_EVERY_MS = 100;

/** Options of a download that tell the page of what happens. */
export function telling({ signal, tell }: CommandCall<DownloadEvent>): Pick<WorkerDownloadOptions, 'signal' | 'onProgress' | 'onNotice'> {
  const toldAt = new Map<string, number>();
  return {
    signal,
    onNotice: (notice) => void tell({ notice }),
    onProgress: (progress) => {
      const now = performance.now();
      const isDue = progress.loaded >= progress.total || now - (toldAt.get(progress.file) ?? Number.NEGATIVE_INFINITY) >= TELL_EVERY_MS;
      if (!isDue) return;
      toldAt.set(progress.file, now);
      void tell({ progress });
    },
  };
}

const TEXTS = [
  ...['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'chat_template.jinja'],
];
const WEIGHTS = ['model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin.index.json', 'pytorch_model.bin'];
/** Of one read. */
const PIECE = 2 ** 22;

/** Fetches all files of a model and keeps them. */
export async function download(
  { source, base, options }: SourceArgs<WorkerDownloadOptions>,
  call: CommandCall<DownloadEvent>,
): Promise<KeptModel> {
  if (typeof source !== 'string') throw notRemote();
  await globalThis.navigator?.storage?.persist?.().catch(() => false);
  const files = await openPretrained(whole(source, base), { ...options, ...telling(call), cache: true });
  for (const name of TEXTS) await readWhole(files, name, call.signal);
  if (!(await readWhole(files, 'tokenizer.json', call.signal))) await readWhole(files, 'tokenizer.model', call.signal);
  for (const name of WEIGHTS) {
    if (!(await readWhole(files, name, call.signal))) continue;
    for (const shard of name.endsWith('.index.json') ? await shardsOf(files, name) : []) await readWhole(files, shard, call.signal);
    break;
  }
  const kept = (await keptModels()).find((one) => one.source === files.where);
  if (kept) return kept;
  throw new SsmError({
    code: 'FILE',
    what: `${files.where} could not be kept in this browser's storage.`,
    expected: 'storage of its own for this site (https, no private window) with room for the files',
    got: 'none, or none left',
    fix: 'delete kept models, free space on this device, or load the model without keeping it',
  });
}

async function shardsOf(files: FileSet, index: string): Promise<string[]> {
  const { weight_map = {} } = JSON.parse((await readText(files, index)) ?? '{}') as { weight_map?: Record<string, string> };
  return [...new Set(Object.values(weight_map))];
}

/** False where there is no such file. */
async function readWhole(files: FileSet, name: string, signal: AbortSignal): Promise<boolean> {
  const file = await files.open(name);
  if (!file) return false;
  try {
    for (let at = 0; at < file.size; at += PIECE) {
      signal.throwIfAborted();
      await file.read(at, Math.min(PIECE, file.size - at));
    }
  } finally {
    await file.close();
  }
  return true;
}

const notRemote = (): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: 'download: the files are here already.',
    expected: 'a URL or a Hub id',
    got: 'chosen files',
    fix: 'load them',
  });
