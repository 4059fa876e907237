/** Where a model lies on the network: in a repository on the Hugging Face Hub, or in a folder of any server. */
import { SsmError } from '@densessm/ssm-core';

export interface HubModel {
  /** `owner/name`, or `name` alone. */
  readonly id: string;
  /** The Hub's address, without a slash at its end. */
  readonly endpoint: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

const HUB_ID = /^[\w.-]+(\/[\w.-]+)?$/;
const HUB_HOSTS = new Set(['huggingface.co', 'www.huggingface.co', 'hf.co']);
const HUB = 'https://huggingface.co';

/** The address of the Hub, or of a mirror of it, without a slash at its end. */
export const hubEndpoint = (given: string = HUB): string => given.replace(/\/+$/, '');

/** Whether a text can be a model's name on the Hub, and is not the path of something near. */
export const isHubId = (text: string): boolean => HUB_ID.test(text) && !text.startsWith('.');

/**
 * What an id or a URL speaks of: a model on the Hub, also where the URL is that of its page with or without a revision, else a URL.
 * @throws SsmError OPTION for a source or a revision that is none
 */
export function modelAddress(source: string | URL, hub: Omit<HubModel, 'id'>): HubModel | URL {
  const { endpoint, revision } = hub;
  if (typeof source === 'string' && isHubId(source)) return hubModel(source, endpoint, revision);
  const url = parseUrl(source);
  const isHub = HUB_HOSTS.has(url.host) || url.origin === new URL(endpoint).origin;
  const [owner, name, kind, at] = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const isModel =
    owner && name && HUB_ID.test(`${owner}/${name}`) && (kind === undefined || ((kind === 'tree' || kind === 'resolve') && at));
  if (!isHub || !isModel) return url;
  return hubModel(`${owner}/${name}`, HUB_HOSTS.has(url.host) ? HUB : endpoint, at ?? revision);
}

function hubModel(id: string, endpoint: string, revision: string): HubModel {
  requireRevision(revision);
  return { id, endpoint, revision };
}

/** It becomes part of a path. @throws SsmError OPTION */
export function requireRevision(revision: string): void {
  if (/^\w[\w./-]{0,200}$/.test(revision) && !revision.split('/').includes('..')) return;
  const fix = 'take a name from its page on the Hub';
  throw new SsmError({
    code: 'OPTION',
    what: 'the revision cannot be used.',
    expected: 'a branch, a tag or a commit',
    got: revision.slice(0, 200),
    fix,
  });
}

function parseUrl(source: string | URL): URL {
  try {
    const url = new URL(source);
    if (url.protocol === 'https:' || url.protocol === 'http:') return url;
  } catch {
    // told below
  }
  const fix = 'pass a folder, a Hub id or a URL with https';
  throw new SsmError({
    code: 'OPTION',
    what: 'loadPretrained: the URL cannot be used.',
    expected: 'https://…',
    got: String(source).slice(0, 200),
    fix,
  });
}
