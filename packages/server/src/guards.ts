import { ApiError } from './errors';
import type { CheckedOptions } from './options';
import { isEqualText } from './states/hash';

/**
 * Refuses a Host that is not this server's: a page can point its own name at this machine (DNS rebinding), and then reads answers as its own.
 * An address is no name that could be pointed anywhere, so it is served, and a server on 0.0.0.0 is found at every address of its machine.
 * @throws ApiError 403
 */
export function checkHost(request: Request, { hosts }: CheckedOptions): void {
  if (hosts.includes('*')) return;
  const host = request.headers.get('host') ?? new URL(request.url).host;
  const name = nameOf(host);
  if (name === 'localhost' || isAddress(name) || hosts.some((one) => nameOf(one) === name)) return;
  const what = name === '' ? 'A request without a Host' : `The Host '${name.slice(0, 200)}'`;
  throw new ApiError(
    403,
    `${what} is not served here: expected localhost, an IP address or a name that the server was given. Add it to 'hosts' of createHandler, or to --allow-host of densessm serve.`,
    { code: 'host_not_allowed' },
  );
}

/** A host in lower case, without its port and the brackets of an IPv6 address. */
function nameOf(host: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d*)?$/.exec(host) ?? [];
  const isBareIPv6 = /:.*:/.test(host);
  return (bracketed ?? (isBareIPv6 ? host : host.replace(/:\d*$/, ''))).toLowerCase();
}

/** Whether a host is an IPv4 or IPv6 address. No name of the DNS has a colon, or a number as its last part. */
const isAddress = (name: string): boolean => /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name) || /^(?=.*:.*:)[\da-f:.]+$/.test(name);

/** Compares with every key, each in a time that depends on no character. @throws ApiError 401 */
export async function checkKey(request: Request, { apiKeys }: CheckedOptions): Promise<void> {
  if (apiKeys.length === 0) return;
  const sent = /^Bearer\s+(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  const matches = await Promise.all(apiKeys.map((key) => isEqualText(sent, key)));
  if (!matches.includes(true)) throw new ApiError(401, 'Incorrect API key provided.', { code: 'invalid_api_key' });
}

/** Headers for a page of an origin that may read; none for the others. */
export function corsHeaders(request: Request, { origins }: CheckedOptions): Record<string, string> {
  const origin = request.headers.get('origin');
  const allowed = origins.includes('*') ? '*' : origins.find((one) => one === origin);
  if (origin === null || allowed === undefined) return {};
  return {
    'access-control-allow-origin': allowed,
    'access-control-allow-headers': request.headers.get('access-control-request-headers') ?? 'authorization, content-type',
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-expose-headers': 'retry-after',
    vary: 'Origin',
  };
}
