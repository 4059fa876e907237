import type { NamedBlob } from '@densessm/checkpoint';
import { inspect } from '@densessm/inspect';
import { loadPretrained, openPretrained } from '@densessm/runtime-web';
import type { CommandHandlers } from '@densessm/runtime-web/messages';
import { SsmError } from '@densessm/ssm-core';
import type { Tokenizer } from '@densessm/tokenizer';
import type { LanguageModel } from '../language-model';
import { openLanguageModel } from '../load';
import type { KnownModel } from '../models';
import type { TextTrace } from '../web/worker-model';
import type { EngineCommands, OpenedModel, SentFile } from './commands';
import type { WorkerDevice } from './device';
import { telling, whole } from './downloads';
import { factsOf } from './facts';
import { Handles } from './handles';
import { countTokens, timed, timedBatch, timedText } from './timed-text';

type ModelCommands = Pick<
  EngineCommands,
  'load' | 'generate' | 'generateBatch' | 'stream' | 'chat' | 'streamChat' | 'encode' | 'decode' | 'inspect' | 'disposeModel'
>;

/** Fewer prompt tokens at a time than elsewhere, so that a cancelled text ends soon. */
const PROMPT_CHUNK = 128;

/** The models of a worker. */
export class WorkerModels {
  readonly #handles = new Handles<LanguageModel>('model');
  readonly #device: WorkerDevice;
  readonly #known: readonly KnownModel[];

  constructor(device: WorkerDevice, known: readonly KnownModel[]) {
    this.#device = device;
    this.#known = known;
  }

  /** @throws SsmError STATE */
  get(model: number): LanguageModel {
    return this.#handles.get(model);
  }

  /** Takes a model over. */
  add(model: LanguageModel): OpenedModel {
    return { model: this.#handles.add(model), facts: factsOf(model) };
  }

  readonly handlers: CommandHandlers<ModelCommands> = {
    load: async ({ source, base, options }, call) => {
      const { weights, ...download } = { ...options, ...telling(call) };
      const files = await openPretrained(typeof source === 'string' ? whole(source, base) : source.map(namedBlob), download);
      const platform = {
        start: () => this.#device.started(),
        // the page hears of a lost device and chooses another one, so nothing is loaded again here
        load: async (loading: object) => ({ ...(await loadPretrained(files, { ...download, ...loading })), reloadable: undefined }),
      };
      const loaded = (await openLanguageModel(files, { weights, models: this.#known }, platform)) as unknown as LanguageModel;
      if (!call.signal.aborted) return this.add(loaded);
      await loaded.dispose();
      throw call.signal.reason;
    },
    generate: ({ model, prompt, options }, { signal }) => timedText(this.get(model), prompt, { ...quick(options), signal }),
    generateBatch: ({ model, prompts, options }, { signal }) => timedBatch(this.get(model), prompts, { ...quick(options), signal }),
    stream: async ({ model, prompt, options }, { signal, tell }) => {
      const loaded = this.get(model);
      const parts = loaded.streamTokens(prompt, { ...quick(options), signal });
      for await (const part of timed(parts, countTokens(loaded, prompt))) await tell(part);
    },
    chat: ({ model, messages, options }, { signal }) => this.get(model).chat(messages, { ...quick(options), signal }),
    streamChat: async ({ model, messages, options }, { signal, tell }) => {
      for await (const text of this.get(model).streamChat(messages, { ...quick(options), signal })) await tell(text);
    },
    encode: ({ model, text, options }) => tokenizerOf(this.get(model)).encode(text, options),
    decode: ({ model, ids, options }) => tokenizerOf(this.get(model)).decode(ids, options),
    inspect: async ({ model, prompt, options: { maxTokens = 256, ...options } }, { signal, transfer }) => {
      const loaded = this.get(model);
      const ids = typeof prompt === 'string' ? tokenizerOf(loaded).encode(prompt) : [...prompt];
      const trace = await inspect(loaded as never, ids.slice(0, maxTokens), { ...options, signal });
      const texts = withTexts(trace, loaded.tokenizer as Tokenizer | undefined);
      transfer.push(...buffersOf(texts));
      return texts;
    },
    disposeModel: async ({ model }) => this.#handles.take(model)?.dispose(),
  };
}

const quick = <T extends object>(options: T): T => ({ promptChunk: PROMPT_CHUNK, ...options });

/** As a browser's file input gives it. */
const namedBlob = ({ path, content }: SentFile): NamedBlob => ({
  name: path.split('/').at(-1) ?? '',
  webkitRelativePath: path.includes('/') ? path : '',
  size: content.size,
  slice: (start, end) => content.slice(start, end),
});

/** @throws SsmError OPTION where the model has none */
function tokenizerOf({ tokenizer }: LanguageModel): Tokenizer {
  if (tokenizer as Tokenizer | undefined) return tokenizer;
  throw new SsmError({
    code: 'OPTION',
    what: 'The model has no tokenizer.',
    expected: 'a tokenizer, to turn text into token ids and back',
    got: 'a model that was loaded without one',
    fix: 'work with token ids, or load a folder with tokenizer.json',
  });
}

/** A trace with what its tokens and candidates say. */
function withTexts(trace: Omit<TextTrace, 'texts' | 'candidates'>, tokenizer: Tokenizer | undefined): TextTrace {
  const textOf = (id: number): string => tokenizer?.decode([id], { unknownIds: 'skip' }) ?? String(id);
  const ids = new Set(trace.layers.flatMap(({ lens }) => [...lens.ids]));
  return { ...trace, texts: Array.from(trace.tokens, textOf), candidates: Object.fromEntries([...ids].map((id) => [id, textOf(id)])) };
}

/** The buffers of a tree's arrays, each once. */
function buffersOf(tree: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const walk = (node: unknown): void => {
    if (ArrayBuffer.isView(node)) found.add(node.buffer as ArrayBuffer);
    else if (typeof node === 'object' && node !== null) for (const branch of Object.values(node)) walk(branch);
  };
  walk(tree);
  return [...found].filter((buffer) => buffer instanceof ArrayBuffer);
}
