import { type FinishReason, type GenerateOptions, Session } from '@densessm/generate';
import type { ChatMessage } from '@densessm/tokenizer';
import { type OpenModel, requireTokenizer } from '../../model/open-model';

/**
 * How turns become text: by the tokenizer's chat template, as lines of `User:` and `Assistant:`, or as they are, so that the model goes on
 * with what was typed.
 */
export type Style = 'template' | 'turns' | 'plain';

export interface ConversationOptions {
  readonly style: Style;
  /** What the conversation begins with. */
  readonly system?: string;
  readonly sampling: GenerateOptions;
}

/** Everything but the model's state. */
export interface Transcript {
  readonly style: Style;
  readonly messages: readonly ChatMessage[];
  /** The text that the session has read and written so far. */
  readonly text: string;
}

interface Turn {
  readonly session: Session;
  readonly transcript: Transcript;
  readonly said: string;
}

/** Places that can be gone back to: each holds a state of the model. */
const MAX_UNDO = 32;
const USER_TURN = '\nUser:';

/** A conversation with a model. It owns a session, so dispose of it. */
export class Conversation {
  readonly #model: OpenModel;
  readonly #options: ConversationOptions;
  readonly #turns: Turn[] = [];
  #session: Session;
  #transcript: Transcript;

  constructor(model: OpenModel, options: ConversationOptions, saved?: { session: Session; transcript: Transcript }) {
    this.#model = model;
    this.#options = options;
    this.#session = saved?.session ?? this.#freshSession();
    this.#transcript = saved?.transcript ?? this.#empty();
  }

  get transcript(): Transcript {
    return this.#transcript;
  }

  /** Turns that can be taken back. */
  get undoCount(): number {
    return this.#turns.length;
  }

  get tokenCount(): number {
    return this.#session.tokenCount;
  }

  get stateBytes(): number {
    return this.#session.stateBytes;
  }

  /**
   * Says something and yields the answer as it comes; an abort ends it, and what came is kept. Where it fails or is left, nothing was said.
   * Draws go on from where they were unless a seed is given.
   */
  async *say(text: string, signal: AbortSignal, seed?: number): AsyncGenerator<string, FinishReason, undefined> {
    const before: Turn = { session: this.#session.fork(), transcript: this.#transcript, said: text };
    let isDone = false;
    try {
      await this.#read(text);
      const finishReason = yield* this.#answer(this.#sampling(signal, seed));
      isDone = true;
      return finishReason;
    } finally {
      if (isDone) this.#remember(before);
      else this.#become(before);
    }
  }

  /** Takes the last turn back; returns what was said, or undefined where nothing was. */
  undo(): string | undefined {
    const turn = this.#turns.pop();
    if (turn === undefined) return undefined;
    this.#become(turn);
    return turn.said;
  }

  /** Forgets everything but the system message. */
  reset(): void {
    for (const { session } of this.#turns.splice(0)) session.dispose();
    this.#become({ session: this.#freshSession(), transcript: this.#empty() });
  }

  snapshot(): Promise<Uint8Array> {
    return this.#session.snapshot();
  }

  dispose(): void {
    for (const { session } of this.#turns.splice(0)) session.dispose();
    this.#session.dispose();
  }

  /** Reads what was said, in the form that the style gives it. */
  async #read(said: string): Promise<void> {
    const { style, messages, text } = this.#transcript;
    const { system } = this.#options;
    if (style === 'template') return this.#readTemplate([...messages, { role: 'user', content: said }]);
    const opening = text === '' && system ? `${system}\n\n` : '';
    const turn = style === 'plain' ? said : `${text === '' ? '' : '\n'}User: ${said}\nAssistant:`;
    await this.#session.append(opening + turn); // with the token that begins a text, where nothing was read before
    this.#transcript = { style, messages: [...messages, { role: 'user', content: said }], text: text + opening + turn };
  }

  /** Most templates write a longer conversation as a shorter one and more: then only the new text is read, else all of it again. */
  async #readTemplate(messages: readonly ChatMessage[]): Promise<void> {
    const tokenizer = requireTokenizer(this.#model);
    const { text } = this.#transcript;
    const whole = tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
    const goesOn = whole.startsWith(text);
    if (!goesOn) {
      this.#session.dispose();
      this.#session = this.#freshSession();
    }
    const news = goesOn ? whole.slice(text.length) : whole;
    await this.#session.append(tokenizer.encode(news, { addSpecialTokens: false }));
    this.#transcript = { style: 'template', messages, text: whole };
  }

  async *#answer(options: GenerateOptions): AsyncGenerator<string, FinishReason, undefined> {
    const { style, messages, text } = this.#transcript;
    const start = this.#session.mark();
    let [answer, finishReason, last]: [string, FinishReason, number | undefined] = ['', 'aborted', undefined];
    for await (const part of this.#session.stream(options)) {
      answer += part.text;
      last = part.token;
      finishReason = part.finishReason ?? finishReason;
      yield part.text;
    }
    if (finishReason === 'stop') await this.#withoutStop(start, answer);
    start.dispose();
    const ending = finishReason === 'eos' && last !== undefined ? (this.#model.tokenizer?.idToToken(last) ?? '') : '';
    const next = [...messages, { role: 'assistant', content: style === 'template' ? answer : answer.trim() }];
    this.#transcript = { style, messages: next, text: text + answer + ending };
    return finishReason;
  }

  #sampling(signal: AbortSignal, seed: number | undefined): GenerateOptions {
    const { seed: _, ...sampling } = this.#options.sampling; // the session has it: given again, it would begin the draws anew
    const own = seed === undefined ? { ...sampling, signal } : { ...sampling, signal, seed };
    return this.#transcript.style === 'turns' ? { ...own, stop: [...[sampling.stop ?? []].flat(), USER_TURN] } : own;
  }

  #remember(turn: Turn): void {
    this.#turns.push(turn);
    if (this.#turns.length > MAX_UNDO) this.#turns.shift()?.session.dispose();
  }

  /** The session has read the stop string too, which is no part of the conversation. */
  async #withoutStop(start: ReturnType<Session['mark']>, answer: string): Promise<void> {
    this.#session.rewind(start);
    const ids = requireTokenizer(this.#model).encode(answer, { addSpecialTokens: false });
    if (ids.length > 0) await this.#session.append(ids);
  }

  #become({ session, transcript }: Pick<Turn, 'session' | 'transcript'>): void {
    this.#session.dispose();
    this.#session = session;
    this.#transcript = transcript;
  }

  #freshSession(): Session {
    const { seed, promptChunk } = this.#options.sampling;
    return new Session(this.#model, { promptChunk, ...(seed !== undefined && { seed }) });
  }

  #empty(): Transcript {
    const { style, system } = this.#options;
    return { style, messages: system && style === 'template' ? [{ role: 'system', content: system }] : [], text: '' };
  }
}
