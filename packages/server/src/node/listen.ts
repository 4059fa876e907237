import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { Handler } from '../handler';

export interface ListenOptions {
  /** 0 takes a free one. Default 8080. */
  port?: number;
  /** The address to listen on. Default 127.0.0.1, which no other machine reaches. */
  host?: string;
}

export interface RunningServer {
  /** Where clients find it. */
  readonly url: string;
  /** Takes no more connections and waits for the answers that were begun. */
  close(): Promise<void>;
}

/** Time for a client to send its headers, and then its body: slower ones only hold connections. */
const [HEADERS_MS, REQUEST_MS] = [15_000, 60_000];

/** Serves a handler over HTTP. Rejects where the address cannot be had. */
export function listen(handler: Handler, { port = 8080, host = '127.0.0.1' }: ListenOptions = {}): Promise<RunningServer> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: (request) => handler.fetch(request), port, hostname: host }, (address: AddressInfo) => {
      server.off('error', reject);
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      resolve({ url: `http://${name}:${address.port}`, close: () => closed(server, handler) });
    }) as Server;
    server.headersTimeout = HEADERS_MS;
    server.requestTimeout = REQUEST_MS;
    server.once('error', reject);
  });
}

async function closed(server: Server, handler: Handler): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  await handler.close();
  server.closeIdleConnections();
  const rest = setTimeout(() => server.closeAllConnections(), 1000); // those that a client keeps open for nothing
  await ended;
  clearTimeout(rest);
}
