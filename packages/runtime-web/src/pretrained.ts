import {
  type FileSet,
  fileSetOf,
  type LoadedModel,
  loadPretrainedFiles,
  type NamedBlob,
  type PretrainedOptions,
} from '@densessm/checkpoint';
import {
  hubEndpoint,
  isHubId,
  loadReloadable,
  modelAddress,
  requireStallTimeout,
  STALL_TIMEOUT_MS,
  withProgress,
} from '@densessm/checkpoint/internal';
import { packer } from '@densessm/kernels/runtime';
import { SsmError, type WeightType } from '@densessm/ssm-core';
import { engine } from '@tensorflow/tfjs-core';
import { hubFileNames, listedFileNames } from './hub-files';
import { openRemoteFile } from './remote-file';
import { type BackendName, startBackend } from './start-backend';

/** A URL, also one relative to the page (`./my-model`), a Hub id (`state-spaces/mamba-130m-hf`), or files that a visitor chose. */
export type PretrainedSource = string | URL | FileSet | Iterable<NamedBlob>;

export interface DownloadProgress {
  file: string;
  /** Bytes that have come, those of an earlier visit included. */
  loaded: number;
  total: number;
}

export interface DownloadOptions {
  /** A branch, a tag or a commit on the Hub. `main` unless said otherwise. */
  revision?: string;
  /** Where the Hub is: https://huggingface.co unless said otherwise. */
  endpoint?: string;
  /** For models that are not public. It is sent to the Hub and to nobody else; whoever opens the page can read it. */
  token?: string;
  /** Whether what has come is kept in the browser's storage for the next visit; it is unless said otherwise. */
  cache?: boolean;
  /** Hears how much of a file has come, and of files at hand how much was read. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Hears a sentence for people: there is no room to keep what came, or a kept file was damaged and comes again. */
  onNotice?: (message: string) => void;
  /**
   * The files that the model has, for a URL: others are not asked for, and the browser prints no 404 in red for optional ones. Unless given
   * they are those that `files.json` in the model's folder lists, or the Hub; without a list, every file that a model may have is asked for.
   */
  files?: readonly string[];
  /** A server that sends no byte for this long is given up; 30,000 unless said otherwise. */
  stallTimeoutMs?: number;
  /** Ends a download; what has come is kept. */
  signal?: AbortSignal;
}

export interface LoadPretrainedOptions extends Omit<PretrainedOptions, 'pack'>, DownloadOptions {
  /**
   * Packs the matrices in this type as they are read, so that no more memory is needed than they take: for generation, which a model of packed
   * weights does on the wasm and WebGPU backends. Unless given they are float32 tensors, which can be trained.
   */
  weights?: WeightType;
}

/**
 * Loads a model in Hugging Face layout from a URL, from the Hub or from files at hand. config.json says which registered model it is; the
 * weights are model.safetensors, its shards, or PyTorch's .bin files. The params lie on the current backend.
 * @throws SsmError BACKEND where none was started, FILE where a file is missing or broken, NETWORK where a server refuses or fails, MODEL
 * where no registered model answers, CONFIG and WEIGHTS where the content does not fit, OPTION for a source that is none.
 */
export async function loadPretrained(source: PretrainedSource, options: LoadPretrainedOptions = {}): Promise<LoadedModel> {
  if (!engine().backendName) throw noBackend();
  const { weights, ...loading } = options;
  const files = await openPretrained(source, loading);
  const device = engine().backendName as BackendName;
  return loadReloadable({
    load: () => loadPretrainedFiles(files, { ...loading, pack: weights && packer(weights) }),
    restart: async () => (await startBackend({ device })).reason,
    // biome-ignore lint/suspicious/noConsole: as other warnings of a model
    onWarning: loading.onWarning ?? ((message) => console.warn(message)),
  });
}

/**
 * The files of a model wherever it lies, to read others than the model: `readText(files, 'tokenizer.json')`.
 * @throws SsmError OPTION for a source that is none
 */
export async function openPretrained(source: PretrainedSource, options: DownloadOptions = {}): Promise<FileSet> {
  const { revision = 'main', token, cache = true, onProgress, onNotice, signal, files } = options;
  if (typeof source !== 'string' && !(source instanceof URL))
    return withProgress('open' in source ? source : fileSetOf(source), onProgress);
  const stallTimeoutMs = requireStallTimeout(options.stallTimeoutMs ?? STALL_TIMEOUT_MS);
  const endpoint = hubEndpoint(options.endpoint);
  const at = modelAddress(typeof source === 'string' ? absolute(source) : source, { endpoint, revision });
  const folder = at instanceof URL ? `${at.origin}${at.pathname}` : `${at.endpoint}/${at.id}/resolve/${encodeURIComponent(at.revision)}`;
  const base = folder.replace(/\/+$/, '');
  const settings = {
    token: token === undefined ? undefined : { value: token, origin: new URL(endpoint).origin },
    isKept: cache,
    source: at instanceof URL ? folder : at.id,
    onNotice,
    stallTimeoutMs,
    signal,
  };
  let names: Promise<ReadonlySet<string> | undefined> | undefined = files && Promise.resolve(new Set(files));
  const fileNames = (): Promise<ReadonlySet<string> | undefined> => {
    names ??= at instanceof URL ? listedFileNames(base, settings) : hubFileNames(at, settings);
    return names;
  };
  const open: FileSet['open'] = async (file) => {
    if ((await fileNames())?.has(file) === false) return undefined;
    const onBytes = (loaded: number, total: number): void => onProgress?.({ file, loaded, total });
    return openRemoteFile(`${base}/${file.split('/').map(encodeURIComponent).join('/')}`, {
      ...settings,
      name: file,
      onBytes,
    });
  };
  const list: FileSet['list'] = async (inside) => {
    const all = await fileNames();
    return all && [...all].filter((name) => name.startsWith(`${inside}/`)).map((name) => name.slice(inside.length + 1));
  };
  return { where: settings.source, open, list };
}

/** What is neither a Hub id nor whole is an address seen from the page. */
function absolute(source: string): string {
  const page = globalThis.document?.baseURI ?? globalThis.location?.href;
  return !isHubId(source) && URL.canParse(source, page) ? new URL(source, page).href : source;
}

const noBackend = (): SsmError =>
  new SsmError({
    code: 'BACKEND',
    what: 'loadPretrained: no backend was started.',
    expected: 'one for the weights to lie on',
    got: 'none',
    fix: 'await startBackend({ wasmUrl }) first',
  });
