import { ApiError } from './errors';
import type { CheckedOptions } from './options';
import { isEqualText } from './states/hash';

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Refuses a Host that is not this server's: a page can point its own name at this machine (DNS rebinding), and then reads answers as its own.
 * @throws ApiError 403
 */
export function checkHost(request: Request, { hosts }: CheckedOptions): void {
  if (hosts.includes('*')) return;
  const host = request.headers.get('host') ?? new URL(request.url).host;
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (LOCAL.includes(name) || hosts.some((one) => one.toLowerCase() === name)) return;
  throw new ApiError(403, 'This Host is not served here.', { code: 'host_not_allowed' });
}

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
