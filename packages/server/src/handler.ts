import { type Context, Hono } from 'hono';
import { ApiError, apiErrorOf } from './errors';
import { readBody } from './fields';
import { checkHost, checkKey, corsHeaders } from './guards';
import { type CheckedOptions, checkedOptions, type ServerOptions } from './options';
import type { Call } from './routes/call';
import { chat } from './routes/chat';
import { completions } from './routes/completions';
import { responses } from './routes/responses';
import { isEmptyBody, slotAction, unknownRoute } from './routes/slots';
import { detokenize, tokenize, tokenizerInfo } from './routes/tokens';
import type { ServedModel } from './served-model';
import { Service } from './service';
import { after } from './timers';

/** Answers requests of the fetch API. */
export interface Handler {
  fetch(request: Request): Promise<Response>;
  /** Takes no more requests, and waits for the answers that were begun. */
  close(): Promise<void>;
}

type Serve = (call: Call) => Response | Promise<Response>;

/** Where a model is, on its way to being served. */
type Loading = { readonly service?: Service; readonly failure?: unknown };

/**
 * An OpenAI-compatible server of one model, as a handler of fetch requests: it runs under Node, Deno, Bun or in a service worker. The model may be
 * a promise; until it is there, answers are 503.
 * @throws SsmError OPTION
 */
export function createHandler(model: ServedModel | Promise<ServedModel>, given: ServerOptions = {}): Handler {
  const options = checkedOptions(given);
  let loading: Loading = {};
  let isClosed = false;
  const open = new Set<AbortController>();
  const loaded = Promise.resolve(model).then(
    (one) => {
      loading = { service: new Service(one, options) };
    },
    (failure: unknown) => {
      loading = { failure };
      options.onError(failure);
    },
  );
  const serviceOf = (): Service => {
    if (loading.service && !isClosed) return loading.service;
    const what = isClosed
      ? 'The server is shutting down.'
      : loading.failure === undefined
        ? 'The model is loading.'
        : 'The model could not be loaded.';
    throw new ApiError(503, what, { type: 'unavailable_error', headers: { 'retry-after': '5' } });
  };
  const app = routes(options, serviceOf, open);
  return {
    fetch: async (request) => app.fetch(request),
    close: async () => {
      isClosed = true;
      await loaded;
      await loading.service?.close();
      while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 10)); // streams hand out their last messages
    },
  };
}

function routes(options: CheckedOptions, serviceOf: () => Service, open: Set<AbortController>): Hono {
  const app = new Hono();
  app.use('*', async (context, next) => {
    checkHost(context.req.raw, options);
    const cors = corsHeaders(context.req.raw, options);
    if (context.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: cors });
    if (context.req.path !== '/health') await checkKey(context.req.raw, options);
    await next();
    for (const [name, value] of Object.entries(cors)) context.header(name, value);
  });
  app.onError((error, context) => {
    const response = apiErrorOf(error, options.onError).toResponse();
    for (const [name, value] of Object.entries(corsHeaders(context.req.raw, options))) response.headers.set(name, value);
    return response;
  });
  app.notFound(() => unknownRoute().toResponse());
  addReads(app, options, serviceOf);
  addTexts(app, options, serviceOf, open);
  return app;
}

function addReads(app: Hono, { name, maxBodyBytes }: CheckedOptions, serviceOf: () => Service): void {
  const about = (created: number) => ({ id: name, object: 'model', created, owned_by: 'densessm' });
  app.get('/health', () => {
    serviceOf();
    return Response.json({ status: 'ok' });
  });
  app.get('/v1/models', () => Response.json({ object: 'list', data: [about(serviceOf().created)] }));
  app.get('/v1/models/:id', (context) => {
    const { created } = serviceOf();
    if (context.req.param('id') === name) return Response.json(about(created));
    throw new ApiError(404, 'The model does not exist.', { param: 'model', code: 'model_not_found' });
  });
  app.get('/tokenizer_info', () => tokenizerInfo(serviceOf()));
  app.get(
    '/metrics',
    () => new Response(serviceOf().metricsText, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } }),
  );
  app.get('/slots', () => Response.json(serviceOf().slots.list()));
  app.post('/slots/:id', async (context) => {
    const body = isEmptyBody(context.req.raw) ? {} : await readBody(context.req.raw, maxBodyBytes);
    return slotAction(serviceOf(), context.req.param('id'), context.req.query('action'), body);
  });
}

function addTexts(app: Hono, options: CheckedOptions, serviceOf: () => Service, open: Set<AbortController>): void {
  const add = (paths: readonly string[], serve: Serve): void => {
    for (const path of paths) app.post(path, (context) => called(context, options, serviceOf(), open, serve));
  };
  add(['/v1/completions'], completions);
  add(['/v1/chat/completions'], chat);
  add(['/v1/responses'], responses);
  add(['/tokenize', '/v1/tokenize'], tokenize);
  add(['/detokenize', '/v1/detokenize'], detokenize);
}

/** Serves a request for text until it ends, its client goes away, or it takes too long. */
async function called(
  context: Context,
  options: CheckedOptions,
  service: Service,
  open: Set<AbortController>,
  serve: Serve,
): Promise<Response> {
  const request = context.req.raw;
  const abort = new AbortController();
  const leave = (): void => abort.abort();
  const stop = after(options.timeoutMs, () => {
    leave();
    onEnd(); // a client that reads no more must not keep the server from closing
  });
  request.signal.addEventListener('abort', leave, { once: true });
  open.add(abort);
  const onEnd = (): void => {
    stop();
    request.signal.removeEventListener('abort', leave);
    open.delete(abort);
  };
  try {
    const body = await readBody(request, options.maxBodyBytes);
    const response = await serve({ service, body, abort, onEnd });
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) onEnd();
    return response;
  } catch (error) {
    onEnd();
    throw error;
  }
}
