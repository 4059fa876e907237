import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hubEndpoint } from '@densessm/checkpoint';

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
  /** For models that are not public: HF_TOKEN unless said otherwise. It is sent to the endpoint and to nobody else. */
  token?: string;
  /** Where downloads stay: HF_HUB_CACHE, else `hub` in HF_HOME, else ~/.cache/huggingface/hub. Python's libraries share it. */
  cacheDir?: string;
  /** Takes what is in the cache and asks nobody: HF_HUB_OFFLINE unless said otherwise. */
  offline?: boolean;
  onProgress?: (progress: DownloadProgress) => void;
  /** Ends a download; what has come stays in the cache to go on from. */
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
  /** How a pause is made: replaced in tests. */
  readonly pause: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function hubSettings(options: HubOptions = {}, environment: Environment = process.env): HubSettings {
  const { revision = 'main', onProgress, signal } = options;
  const endpoint = hubEndpoint(options.endpoint ?? (environment.HF_ENDPOINT || undefined));
  const token = options.token ?? (environment.HF_TOKEN || undefined);
  const offline = options.offline ?? /^(1|true|yes|on)$/i.test(environment.HF_HUB_OFFLINE ?? '');
  return { revision, endpoint, token, cacheDir: options.cacheDir ?? cacheFolder(environment), offline, onProgress, signal, pause };
}

/** The order of Python's huggingface_hub. */
function cacheFolder(environment: Environment): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = environment;
  const named = HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE;
  return named || join(HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface'), 'hub');
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
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
