import type { ModelBundle } from '../bundle';
import type { GenerateOptions } from '../options';
import type { FinishReason } from '../text-generator';
import { PrefixStates } from './prefix-states';
import { Scheduler } from './scheduler';

/** A model to be shared: a `LanguageModel` of the package `densessm` is one. */
export interface SharedBundle extends ModelBundle {
  /** How matrices are kept in memory: 'f32', 'bf16', 'int8' or 'int4'. */
  readonly weights?: string;
  /** Tokens that end a text. Default, also where the list is empty: the tokenizer's eos. */
  readonly eosIds?: readonly number[];
  /** What a request does not say. */
  readonly samplingDefaults?: GenerateOptions;
}

/** What is continued; a `ChatPrompt` of `@densessm/tokenizer` is one. */
export interface AnswerPrompt {
  readonly ids: readonly number[];
  /** Places in `ids` at which its state is kept and looked for, such as the ends of messages. */
  readonly borders?: readonly number[];
  /** What ends the answer besides an eos token. */
  readonly stop?: readonly string[];
  /** Whether a space at the start of the answer is no part of it. */
  readonly trimsStart?: boolean;
}

/** A piece of an answer. */
export interface AnswerPart {
  readonly text: string;
  /** In the last part. */
  readonly finishReason?: Exclude<FinishReason, 'aborted'>;
  readonly promptTokens: number;
  /** Tokens of the prompt that a kept state spared the model. */
  readonly cachedTokens: number;
  /** Tokens drawn so far, one that ended the text included. */
  readonly tokens: number;
}

/** Requests of one's own program are never refused. */
const MAX_WAITING = Number.MAX_SAFE_INTEGER;
const STATE_BYTES = 256 * 2 ** 20;
const known = new WeakMap<object, SharedModel>();

/**
 * A model that the parts of one program share, as several clients of a framework do: their texts are written together, and a conversation
 * that goes on is not read again up to its last known message. Owns memory: close it before the model is disposed of.
 */
export class SharedModel {
  readonly #bundle: SharedBundle;
  readonly #scheduler: Scheduler;

  /** The one of a model; a new one where there is none or it was closed. States have at most 256 MiB. */
  static of(bundle: SharedBundle): SharedModel {
    const found = known.get(bundle) ?? new SharedModel(bundle);
    known.set(bundle, found);
    return found;
  }

  private constructor(bundle: SharedBundle) {
    this.#bundle = bundle;
    const cache = new PrefixStates(STATE_BYTES);
    this.#scheduler = new Scheduler(bundle, { cache, maxWaiting: MAX_WAITING });
  }

  /**
   * Answers, part by part. What the options do not say comes from the model's `samplingDefaults`. Breaking the loop off ends the work.
   * @throws SsmError OPTION, TOKENS; the reason of the signal where it aborts
   */
  async *answer(prompt: AnswerPrompt, options: GenerateOptions = {}): AsyncGenerator<AnswerPart, void, undefined> {
    options.signal?.throwIfAborted();
    const { ids, borders = [], trimsStart = false } = prompt;
    const events = this.#scheduler.submit({ prompt: ids, borders, options: this.#sampling(prompt, options) });
    let [cachedTokens, tokens, isAtStart] = [0, 0, trimsStart];
    for await (const event of events) {
      if (event.type === 'prompt') cachedTokens = event.cachedTokens;
      if (event.type !== 'part') continue;
      const { token, finishReason, ...part } = event.part;
      if (finishReason === 'aborted') throw options.signal?.reason;
      if (token !== undefined) tokens++;
      const text = isAtStart ? part.text.trimStart() : part.text;
      if (text !== '') isAtStart = false;
      yield { text, promptTokens: ids.length, cachedTokens, tokens, ...(finishReason && { finishReason }) };
    }
  }

  /** Waits for the answers that were begun, and frees the memory. The next user of the model gets a new one. */
  async close(): Promise<void> {
    if (known.get(this.#bundle) === this) known.delete(this.#bundle);
    await this.#scheduler.close();
  }

  #sampling({ stop = [] }: AnswerPrompt, given: GenerateOptions): GenerateOptions {
    const { eosIds = [], samplingDefaults = {} } = this.#bundle;
    const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as GenerateOptions;
    const stops = [own.stop ?? []].flat().concat(stop);
    const draws = DRAWING.some((name) => own[name] !== undefined);
    return {
      ...(eosIds.length > 0 && { eosIds }),
      ...(draws && { temperature: 1 }),
      ...samplingDefaults,
      ...own,
      ...(stops.length > 0 && { stop: stops }),
    };
  }
}

/** To give one of these asks for draws, at temperature 1 where none is known. */
const DRAWING = ['topK', 'topP', 'minP', 'seed'] as const;
