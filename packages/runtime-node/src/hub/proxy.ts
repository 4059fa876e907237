/** Proxies as the environment names them. Node's own `fetch` reads these variables only in later versions, and there only on demand. */
import type { Fetch } from '@densessm/checkpoint';
import { SsmError } from '@densessm/ssm-core';
import type { Environment } from './environment';

export interface Proxies {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  /** Hosts that are asked directly. */
  readonly noProxy: string;
}

/**
 * HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, the lower-case names first, as curl and Python read them.
 * @throws SsmError OPTION for a proxy that does not speak HTTP
 */
export function proxiesOf(environment: Environment): Proxies | undefined {
  const read = (name: string): string | undefined => environment[name.toLowerCase()] || environment[name] || undefined;
  const proxy = (name: string): string | undefined => {
    const from = read(name) ? name : 'ALL_PROXY';
    const address = read(from);
    return address === undefined ? undefined : requireProxy(address, from);
  };
  const [httpProxy, httpsProxy] = [proxy('HTTP_PROXY'), proxy('HTTPS_PROXY')];
  if (httpProxy === undefined && httpsProxy === undefined) return undefined;
  return { ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }), noProxy: read('NO_PROXY') ?? '' };
}

/** The proxy's own password is no part of the message. */
function requireProxy(address: string, from: string): string {
  const whole = /^[a-z][\w+.-]*:\/\//i.test(address) ? address : `http://${address}`; // curl takes `host:port` too
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url.href;
  throw new SsmError({
    code: 'OPTION',
    what: `the proxy of ${from} cannot be used.`,
    expected: 'http://host:port or https://host:port',
    got: url ? `${url.protocol}//${url.host}` : 'no address',
    fix: `correct ${from}, or name the host in NO_PROXY and unset it; SOCKS proxies are not supported`,
  });
}

const made = new Map<string, Promise<Fetch>>();

/** A `fetch` through these proxies; its connections are kept for the whole process. */
export function proxyFetch(proxies: Proxies | undefined): Promise<Fetch> {
  if (!proxies) return Promise.resolve((input, init) => fetch(input, init));
  const key = JSON.stringify(proxies);
  const known = made.get(key) ?? open(proxies);
  made.set(key, known);
  return known;
}

async function open({ httpProxy, httpsProxy, noProxy }: Proxies): Promise<Fetch> {
  const { Agent, EnvHttpProxyAgent, fetch: fetchBy } = await import('undici'); // Node's own `fetch` shows no agents
  // one agent per scheme: undici's own sends https through the proxy of http too. Without a tunnel, http goes as curl and Python send it
  const agent = (proxy: string | undefined) =>
    proxy ? new EnvHttpProxyAgent({ httpProxy: proxy, httpsProxy: proxy, noProxy, proxyTunnel: false }) : new Agent();
  const [http, https] = [agent(httpProxy), agent(httpsProxy)];
  return (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const dispatcher = new URL(url).protocol === 'https:' ? https : http;
    return fetchBy(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>;
  };
}
