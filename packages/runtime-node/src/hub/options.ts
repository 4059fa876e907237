import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { hubEndpoint, requireStallTimeout, STALL_TIMEOUT_MS } from '@densessm/checkpoint/internal';
import { type Environment, hubHome, isOn } from './environment';
import { type Proxies, proxiesOf } from './proxy';
import { implicitToken, requireToken } from './token';

export interface DownloadProgress {
  file: string;
  /** Bytes on this machine, those of an earlier attempt included. */
  loaded: number;
  total: number;
}

export interface HubOptions {
  /** A branch, a tag or a commit. `main` unless said otherwise. */
  revision?: string;
  /** Where the Hub is: HF_ENDPOINT, else https://huggingface.co. */
  endpoint?: string;
  /** For models that are not public: HF_TOKEN, else what `hf auth login` stored. It is sent to the endpoint and to nobody else. */
  token?: string;
  /** Where downloads stay: HF_HUB_CACHE, else `hub` in HF_HOME, else ~/.cache/huggingface/hub. Python's libraries share it. */
  cacheDir?: string;
  /** Takes what is in the cache and asks nobody: HF_HUB_OFFLINE unless said otherwise. */
  offline?: boolean;
  /** Hears how much of a file has come, and of files at hand how much was read. */
  onProgress?: (progress: DownloadProgress) => void;
  /** A server that sends no byte for this long is given up: HF_HUB_DOWNLOAD_TIMEOUT (in seconds), else 30,000. */
  stallTimeoutMs?: number;
  /** Ends a download; what has come stays in the cache, from where a later load resumes. */
  signal?: AbortSignal;
}

/** The options with every default filled in. */
export interface HubSettings extends Pick<HubOptions, 'onProgress' | 'signal'> {
  readonly revision: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly cacheDir: string;
  readonly offline: boolean;
  readonly stallTimeoutMs: number;
  readonly proxies: Proxies | undefined;
  /** How a pause is made: replaced in tests. */
  readonly pause: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

/** @throws SsmError OPTION for a token, a proxy or a timeout that cannot be used */
export function hubSettings(options: HubOptions = {}, environment: Environment = process.env): HubSettings {
  const { revision = 'main', onProgress, signal } = options;
  const endpoint = hubEndpoint(options.endpoint ?? (environment.HF_ENDPOINT || undefined));
  const offline = options.offline ?? isOn(environment.HF_HUB_OFFLINE);
  return {
    revision,
    endpoint,
    token: tokenOf(options, environment),
    cacheDir: options.cacheDir ?? cacheFolder(environment),
    offline,
    stallTimeoutMs: stallTimeout(options, environment),
    proxies: offline ? undefined : proxiesOf(environment),
    onProgress,
    signal,
    pause,
  };
}

/** An empty one is none, whatever is stored. */
const tokenOf = ({ token }: HubOptions, environment: Environment): string | undefined =>
  token === undefined ? implicitToken(environment) : token ? requireToken(token, 'options.token') : undefined;

/** The order of Python's huggingface_hub. */
function cacheFolder(environment: Environment): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE } = environment;
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(hubHome(environment), 'hub');
}

function stallTimeout({ stallTimeoutMs }: HubOptions, { HF_HUB_DOWNLOAD_TIMEOUT }: Environment): number {
  return requireStallTimeout(stallTimeoutMs ?? (HF_HUB_DOWNLOAD_TIMEOUT ? Number(HF_HUB_DOWNLOAD_TIMEOUT) * 1000 : STALL_TIMEOUT_MS));
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
