import { readSamplingDefaults, readText } from '@densessm/checkpoint';
import { createHandler, type ServedModel, type ServerOptions } from '@densessm/server';
import { listen, type RunningServer, stateFolder } from '@densessm/server/node';
import { SsmError } from '@densessm/ssm-core';
import { usageError } from '../../errors';
import type { Io } from '../../io';
import { type OpenModel, openModel, requireTokenizer } from '../../model/open-model';
import { shortName } from '../../model/source';
import { pathFrom } from '../../output/write-file';
import { remark } from '../shared';
import type { ServeFlags } from './command';

/** Serves until Ctrl-C. */
export async function serve(io: Io, source: string, flags: ServeFlags): Promise<void> {
  for (const [flag, given] of [
    ['--host', flags.host],
    ['--name', flags.name],
    ['--states', flags.states],
  ] as const)
    if (given?.trim() === '') throw usageError(`serve: ${flag} is empty.`, 'a value', 'none', 'leave it out, or give one');
  const model = await openModel(io, source, flags);
  try {
    const handler = createHandler(await servedModel(model), optionsOf(io, model, flags));
    const server = await listen(handler, flags).catch((error: NodeJS.ErrnoException) => {
      throw unheard(flags, error);
    });
    remark(io, `${model.name} on ${model.backend.backend}, weights in ${model.weights}; Ctrl-C ends it`);
    if (isOpen(io, flags)) remark(io, `warning: whoever reaches ${flags.host} may use the model; --api-key asks for a key`);
    io.stdout.write(`${server.url}/v1\n`);
    await ended(io, server);
  } finally {
    model.dispose();
  }
}

async function servedModel(model: OpenModel): Promise<ServedModel> {
  const chatTemplate = await templateOf(model);
  const samplingDefaults = await readSamplingDefaults(model.files);
  return { ...model, tokenizer: requireTokenizer(model), samplingDefaults, ...(chatTemplate !== undefined && { chatTemplate }) };
}

/** The text of the chat template, for clients that render it themselves. */
async function templateOf({ files }: OpenModel): Promise<string | undefined> {
  const own = await readText(files, 'chat_template.jinja');
  if (own !== undefined) return own;
  const { chat_template } = JSON.parse((await readText(files, 'tokenizer_config.json')) ?? '{}') as { chat_template?: unknown };
  return typeof chat_template === 'string' ? chat_template : undefined;
}

/** @throws SsmError OPTION for an empty key */
function optionsOf(io: Io, model: OpenModel, flags: ServeFlags): ServerOptions {
  const key = keyOf(io, flags);
  if (key !== undefined && key.trim() === '')
    throw usageError('serve: --api-key is empty.', 'a key', 'none', 'leave it out, or choose one');
  return {
    name: flags.name ?? shortName(io.cwd, model.name),
    ...(key !== undefined && { apiKeys: [key] }),
    hosts: [...(flags.allowHost ?? []), ...(flags.host === undefined ? [] : [flags.host])],
    origins: flags.cors,
    slots: flags.slots,
    maxWaiting: flags.queue,
    maxTokens: flags.maxTokens,
    maxPromptTokens: flags.maxPrompt,
    timeoutMs: flags.timeout === undefined ? undefined : 1000 * flags.timeout,
    cacheBytes: flags.cache === undefined ? undefined : 2 ** 20 * flags.cache,
    folder: flags.states === undefined ? undefined : stateFolder(pathFrom(io.cwd, flags.states)),
    onError: (error) => remark(io, `error: ${error instanceof Error ? error.message : String(error)}`),
  };
}

const keyOf = (io: Io, { apiKey }: ServeFlags): string | undefined => apiKey ?? io.env.DENSESSM_API_KEY;

/** Whether other machines get in without a key. */
const isOpen = (io: Io, flags: ServeFlags): boolean =>
  keyOf(io, flags) === undefined && !/^(?:127\..*|localhost|::1)$/.test(flags.host ?? 'localhost');

async function ended(io: Io, server: RunningServer): Promise<void> {
  if (!io.signal.aborted) await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
  remark(io, 'ends when the answers that were begun have ended');
  await server.close();
}

const unheard = ({ host, port }: ServeFlags, error: NodeJS.ErrnoException): SsmError =>
  new SsmError({
    code: 'NETWORK',
    what: `serve: ${host}:${port} cannot be listened on.`,
    expected: 'a free port of an address of this machine',
    got: error.code ?? error.message,
    fix: 'name another --port or --host; --port 0 takes a free one',
  });
