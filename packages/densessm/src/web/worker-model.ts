import type { SamplingDefaults } from '@densessm/checkpoint';
/** What a page sees of a model that a worker holds. */
import type { Generated, Part, Prompt, SessionOptions } from '@densessm/generate';
import type { Trace } from '@densessm/inspect';
import type { ChatMessage } from '@densessm/tokenizer';
import type { ChatCallOptions, ChatReply, TextOptions } from '../language-model';

/** What is known of a loaded model without asking again. */
export interface ModelFacts {
  /** Where it came from: a URL, a Hub id, 'files', 'dense of run …'. */
  readonly source: string;
  /** `model_type` in our words: 'mamba', 'dense_mamba', 'mamba2', 'dense_mamba2', 'retnet', 'dense_retnet'. */
  readonly modelType: string;
  /** config.json as the model writes it. */
  readonly configJson: Readonly<Record<string, unknown>>;
  /** The device that runs it and why: 'wasm: WebAssembly with … (chosen by auto)'. */
  readonly device: string;
  /** How matrices are kept in memory: 'f32', 'bf16', 'int8' or 'int4'. */
  readonly weights: string;
  /** Number of learned values. */
  readonly parameters: number;
  /** Bytes of the state of one text, whatever its length. */
  readonly stateBytes: number;
  /** Bytes that the key-value cache of a transformer of the same width and depth would grow by with each token: 2 · layers · hidden size, float32. */
  readonly cacheBytesPerToken: number;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly vocabSize: number;
  /** Whether it has dense connections with gates, which {@link WorkerModel.inspect} shows and closes. */
  readonly isDense: boolean;
  readonly hasTokenizer: boolean;
  readonly hasChatTemplate: boolean;
  readonly samplingDefaults: SamplingDefaults;
  readonly eosIds: readonly number[];
}

/** One step of a text with the time at which it came. */
export interface TimedPart extends Part {
  /** Since the worker began with the prompt. In the first part this is the time to the first token; the prompt's reading is nearly all of it. */
  readonly seconds: number;
  /** Tokens of the prompt; in the first part only. */
  readonly promptTokens?: number;
}

/** A text with how long it took. */
export interface TimedText extends Omit<Generated, 'text'> {
  /** Empty for a model without tokenizer. */
  readonly text: string;
  /** Until the first token was there: reading the prompt and one draw. */
  readonly firstTokenSeconds: number;
  /** All in all. */
  readonly seconds: number;
}

/** A place in a session's text to come back to. */
export interface WorkerSessionMark {
  readonly tokenCount: number;
  /** Frees it; disposing of the session frees it too. */
  dispose(): void;
}

/**
 * A text that goes on, as `Session` of `@densessm/generate` is, in the worker. Calls are done in the order in which they are made. Dispose of it.
 */
export interface WorkerSession {
  /** Tokens read and drawn so far, as far as the worker has told. */
  readonly tokenCount: number;
  /** Bytes of the state, the same for any length of text. */
  readonly stateBytes: number;
  /** Reads more text. @throws SsmError TOKENS, OPTION; the reason of the signal */
  append(prompt: Prompt, options?: { signal?: AbortSignal }): Promise<void>;
  /** Goes on with the text. @throws SsmError as {@link stream} */
  generate(options?: TextOptions): Promise<TimedText>;
  /**
   * Goes on with the text and hands out each token. The worker computes a token when it is asked for: after the loop is broken off, the session
   * holds the text up to the last token handed out. @throws SsmError TOKENS where nothing was read yet, OPTION
   */
  stream(options?: TextOptions): AsyncGenerator<TimedPart, void, undefined>;
  /** Another session at the same place. */
  fork(): Promise<WorkerSession>;
  mark(): Promise<WorkerSessionMark>;
  /** Goes back to a marked place. @throws SsmError STATE for a mark that is not of this session or was freed */
  rewind(mark: WorkerSessionMark): Promise<void>;
  /** The session as bytes, which `restoreSession` opens here, in Node and anywhere else. */
  snapshot(): Promise<Uint8Array>;
  /** Frees the state and all marks. */
  dispose(): void;
}

/** What to look at; see `Trace` of `@densessm/inspect`. */
export interface InspectOptions {
  /** Closes every dense gate: what the model computes without its connections. Default false. */
  closeGates?: boolean;
  /** Candidates of the logit lens at each layer and token; 0 leaves it out. Default 5. */
  lensSize?: number;
  /** Which parts to compute. Default: all. */
  parts?: readonly ('state' | 'forgetting' | 'gates' | 'attention' | 'lens')[];
  /** Tokens at most; a longer text is cut. Default 256. */
  maxTokens?: number;
  signal?: AbortSignal;
}

/** A trace with the text of each token. */
export interface TextTrace extends Trace {
  /** The text of each token by itself; half characters are '�'. */
  readonly texts: readonly string[];
  /** Texts of the candidates of the logit lens, by id. */
  readonly candidates: Readonly<Record<number, string>>;
}

/** A language model in a worker, with the interface of `loadModel`'s: what cannot cross (weights, tokenizer) is asked for by messages. */
export interface WorkerModel extends ModelFacts {
  /** Continues a prompt. @throws SsmError TOKENS, OPTION, STATE after `dispose` */
  generate(prompt: Prompt, options?: TextOptions): Promise<TimedText>;
  /** Continues several prompts together. @throws SsmError as `generate` */
  generateBatch(prompts: readonly Prompt[], options?: TextOptions): Promise<TimedText[]>;
  /** Continues a prompt and hands out text as it becomes certain. @throws SsmError as `generate` */
  stream(prompt: Prompt, options?: TextOptions): AsyncGenerator<string, void, undefined>;
  /** The same token by token, with ids, times, log-probabilities (`logprobs`, `topLogprobs`) and the reason of the end. @throws SsmError as `generate` */
  streamTokens(prompt: Prompt, options?: TextOptions): AsyncGenerator<TimedPart, void, undefined>;
  /** Answers a conversation. @throws SsmError as `generate` */
  chat(messages: readonly ChatMessage[], options?: ChatCallOptions): Promise<ChatReply>;
  /** The same, text by text. @throws SsmError as `generate` */
  streamChat(messages: readonly ChatMessage[], options?: ChatCallOptions): AsyncGenerator<string, void, undefined>;
  /** A text that goes on: append, generate, fork, rewind, snapshot. */
  session(options?: SessionOptions): Promise<WorkerSession>;
  /** Opens what a session's `snapshot` made, here or elsewhere. @throws SsmError STATE where it belongs to another model, FILE where it is damaged */
  restoreSession(snapshot: Uint8Array): Promise<WorkerSession>;
  /** Ids of a text. @throws SsmError OPTION without a tokenizer */
  encode(text: string, options?: { addSpecialTokens?: boolean }): Promise<number[]>;
  /** Text of ids. @throws SsmError OPTION without a tokenizer */
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): Promise<string>;
  /** Looks inside: states, gates, hidden attention, logit lens. @throws SsmError TOKENS, OPTION */
  inspect(prompt: Prompt, options?: InspectOptions): Promise<TextTrace>;
  /** Frees the weights. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
