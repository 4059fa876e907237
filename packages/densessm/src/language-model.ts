import type { SamplingDefaults } from '@densessm/checkpoint';
import {
  type Generated,
  type GenerateOptions,
  generate,
  generateBatch,
  type ModelBundle,
  type Part,
  type Prompt,
  Session,
  type SessionOptions,
  stream,
} from '@densessm/generate';
import { type AnyModel, disposeTree, type ReloadableParams, SsmError } from '@densessm/ssm-core';
import { type ChatMessage, type ChatPromptOptions, chatPrompt, type Tokenizer } from '@densessm/tokenizer';
import { checkMessages } from './chat';
import type { ConfigOf, ParamsOf } from './models';

/** Options of `generate` and `stream`. */
export interface TextOptions extends GenerateOptions {
  /** Takes what is not given from the model's generation_config.json: temperature, top-k, top-p, min-p, repetition penalty, length. Default false; true in `chat`. */
  useGenerationConfig?: boolean;
}

/** Options of `chat` and `streamChat`: sampling, and how the conversation is written. */
export interface ChatCallOptions extends TextOptions, ChatPromptOptions {}

/** A text that was generated; `text` is a string where the model has a tokenizer. */
export type GeneratedText<T extends Tokenizer | undefined = Tokenizer> = Omit<Generated, 'text'> & {
  readonly text: T extends Tokenizer ? string : undefined;
};

/** An answer: itself a message, to be pushed to the conversation. */
export interface ChatReply extends ChatMessage {
  readonly role: 'assistant';
  readonly content: string;
  readonly finishReason: Generated['finishReason'];
  readonly tokens: readonly number[];
  readonly promptTokens: number;
  readonly seed: number | undefined;
}

/** A language model in memory: model, weights and tokenizer on a started backend. It owns memory, so dispose of it. */
export interface LanguageModel<M extends AnyModel = AnyModel, T extends Tokenizer | undefined = Tokenizer> {
  /** Where it came from: a folder, a Hub id, a URL. */
  readonly source: string;
  readonly model: M;
  readonly config: ConfigOf<M>;
  readonly params: ParamsOf<M>;
  readonly tokenizer: T;
  /** The device that runs it and why: 'wasm: WebAssembly with … (chosen by auto)'. */
  readonly device: string;
  /** How matrices are kept in memory: 'f32', 'bf16', 'int8' or 'int4'. */
  readonly weights: string;
  /** What the model's generation_config.json says about sampling. */
  readonly samplingDefaults: SamplingDefaults;
  /** Tokens that end a text: of generation_config.json, else of config.json; none where neither names any, and the tokenizer's eos counts. */
  readonly eosIds: readonly number[];
  /** Continues a prompt. @throws SsmError TOKENS, OPTION, STATE after `dispose` */
  generate(prompt: Prompt, options?: TextOptions): Promise<GeneratedText<T>>;
  /** Continues several prompts together. @throws SsmError as `generate` */
  generateBatch(prompts: readonly Prompt[], options?: TextOptions): Promise<GeneratedText<T>[]>;
  /** Continues a prompt and hands out text as it becomes certain; nothing without a tokenizer. @throws SsmError as `generate` */
  stream(prompt: Prompt, options?: TextOptions): AsyncGenerator<string, void, undefined>;
  /** The same token by token, with ids, log-probabilities and the reason of the end. @throws SsmError as `generate` */
  streamTokens(prompt: Prompt, options?: TextOptions): AsyncGenerator<Part, void, undefined>;
  /** Answers a conversation, by the tokenizer's chat template or, without one, as lines of User: and Assistant:. @throws SsmError as `generate` */
  chat(messages: readonly ChatMessage[], options?: ChatCallOptions): Promise<ChatReply>;
  /** The same, text by text. @throws SsmError as `generate` */
  streamChat(messages: readonly ChatMessage[], options?: ChatCallOptions): AsyncGenerator<string, void, undefined>;
  /** A text that goes on: append, generate, fork, rewind, snapshot. Dispose of it before the model. */
  session(options?: SessionOptions): Session;
  /** Opens what {@link Session.snapshot} made. @throws SsmError STATE where it belongs to another model, FILE where it is damaged */
  restoreSession(snapshot: Uint8Array): Promise<Session>;
  /** Frees the weights; a second time does nothing. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a {@link LanguageModel} is made of. */
export interface LanguageModelParts<M extends AnyModel, T extends Tokenizer | undefined> {
  readonly source: string;
  readonly model: M;
  readonly config: ConfigOf<M>;
  readonly params: ParamsOf<M>;
  readonly tokenizer: T;
  readonly device: string;
  readonly weights: string;
  readonly samplingDefaults: SamplingDefaults;
  readonly eosIds: readonly number[];
  readonly reloadable?: ReloadableParams;
}

/** The one implementation of {@link LanguageModel}. */
export class LoadedLanguageModel<M extends AnyModel, T extends Tokenizer | undefined> implements LanguageModel<M, T> {
  readonly source: string;
  readonly model: M;
  readonly config: ConfigOf<M>;
  params: ParamsOf<M>;
  readonly tokenizer: T;
  readonly device: string;
  readonly weights: string;
  readonly samplingDefaults: SamplingDefaults;
  readonly eosIds: readonly number[];
  readonly reloadable: ReloadableParams | undefined;
  #isDisposed = false;

  constructor(parts: LanguageModelParts<M, T>) {
    this.source = parts.source;
    this.model = parts.model;
    this.config = parts.config;
    this.params = parts.params;
    this.tokenizer = parts.tokenizer;
    this.device = parts.device;
    this.weights = parts.weights;
    this.samplingDefaults = parts.samplingDefaults;
    this.eosIds = parts.eosIds;
    this.reloadable = parts.reloadable && this.#reloading(parts.reloadable);
  }

  async generate(prompt: Prompt, options: TextOptions = {}): Promise<GeneratedText<T>> {
    return (await generate(this.#bundle('generate'), prompt, this.#sampling(options))) as GeneratedText<T>;
  }

  async generateBatch(prompts: readonly Prompt[], options: TextOptions = {}): Promise<GeneratedText<T>[]> {
    return (await generateBatch(this.#bundle('generateBatch'), prompts, this.#sampling(options))) as GeneratedText<T>[];
  }

  async *stream(prompt: Prompt, options: TextOptions = {}): AsyncGenerator<string, void, undefined> {
    for await (const { text } of this.streamTokens(prompt, options)) if (text !== '') yield text;
  }

  async *streamTokens(prompt: Prompt, options: TextOptions = {}): AsyncGenerator<Part, void, undefined> {
    yield* stream(this.#bundle('stream'), prompt, this.#sampling(options));
  }

  async chat(messages: readonly ChatMessage[], options: ChatCallOptions = {}): Promise<ChatReply> {
    const { ids, sampling } = this.#conversation('chat', messages, options);
    const { text, finishReason, tokens, promptTokens, seed } = await generate(this.#bundle('chat'), ids, sampling);
    return { role: 'assistant', content: (text ?? '').trim(), finishReason, tokens, promptTokens, seed };
  }

  async *streamChat(messages: readonly ChatMessage[], options: ChatCallOptions = {}): AsyncGenerator<string, void, undefined> {
    const { ids, sampling } = this.#conversation('streamChat', messages, options);
    for await (const { text } of stream(this.#bundle('streamChat'), ids, sampling)) if (text !== '') yield text;
  }

  session(options?: SessionOptions): Session {
    return new Session(this.#bundle('session'), options);
  }

  restoreSession(snapshot: Uint8Array): Promise<Session> {
    return Session.restore(this.#bundle('restoreSession'), snapshot);
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    disposeTree(this.params);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #conversation(
    where: string,
    messages: readonly ChatMessage[],
    options: ChatCallOptions,
  ): { ids: readonly number[]; sampling: GenerateOptions } {
    const { template, tools, documents, variables, ...sampling } = options;
    if (this.tokenizer === undefined) throw withoutTokenizer(where);
    checkMessages(messages);
    const { ids, stop } = chatPrompt(this.tokenizer, messages, { template, tools, documents, variables });
    const stops = [sampling.stop ?? []].flat().concat(stop);
    return { ids, sampling: this.#sampling({ useGenerationConfig: true, ...sampling, ...(stops.length > 0 && { stop: stops }) }) };
  }

  #sampling({ useGenerationConfig = false, ...options }: TextOptions): GenerateOptions {
    const defaults = useGenerationConfig ? this.samplingDefaults : {};
    return { ...(this.eosIds.length > 0 && { eosIds: this.eosIds }), ...defaults, ...options };
  }

  /** Those that are freed are those that there are. */
  #reloading(reloadable: ReloadableParams): ReloadableParams {
    const after = async (lost: object): Promise<object | undefined> => {
      const params = await reloadable.after(lost);
      if (params !== undefined) this.params = params as ParamsOf<M>;
      return params;
    };
    return { now: (params) => reloadable.now(params), after };
  }

  #bundle(where: string): ModelBundle {
    if (!this.#isDisposed) return this as unknown as ModelBundle;
    throw new SsmError({
      code: 'STATE',
      what: `${where}: the model was disposed of.`,
      expected: 'a model in memory',
      got: this.source,
      fix: 'load it again with loadModel, or dispose of it later',
    });
  }
}

const withoutTokenizer = (where: string): SsmError =>
  new SsmError({
    code: 'OPTION',
    what: `${where}: the model has no tokenizer.`,
    expected: 'a tokenizer, to write a conversation as tokens',
    got: 'a model that was loaded with tokenizer: null',
    fix: 'load the model with its tokenizer, or continue token ids with generate',
  });
