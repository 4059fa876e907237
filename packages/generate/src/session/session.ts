import { disposeTree, type WeightType } from '@densessm/ssm-core';
import { bundleAfter, bundleNow, type ModelBundle, type Prompt, promptIds, requireBundle } from '../bundle';
import { collected, type Generated, refuseBeams } from '../generate';
import { badOption } from '../option-error';
import { refuseUnknown } from '../option-names';
import { type GenerateOptions, number, planGeneration, weightsOf } from '../options';
import { type Logits, ModelRunner, type ModelRunnerOptions } from '../reading/model-runner';
import { anySeed, type Random, randomFrom, seededRandom } from '../samplers/random';
import { type Part, TextGenerator } from '../text-generator';
import { TokenHistory } from '../token-history';
import { type Contents, cloneContents, packContents, unpackContents } from './contents';
import { badSession } from './errors';
import { BEGINNING, further, isFar, movedContents, type Origin, runnerAt } from './origin';

export interface SessionOptions {
  /** Of the draws; left out, one is chosen. */
  seed?: number;
  /** How many tokens penalties and n-grams look back: so much of the text itself is kept, and no more. Default 4096. */
  historyLength?: number;
  /** Tokens per call of the model when a text is read. Default 512. */
  promptChunk?: number;
  /** How the weights that read drawn tokens are kept, where the model has a decoder; see `GenerateOptions`. */
  weights?: WeightType;
}

/** A place in a session's text to come back to. */
export interface SessionMark {
  /** Tokens of the text at that place. */
  readonly tokenCount: number;
  /** Frees it; disposing of the session frees it too. */
  dispose(): void;
}

/**
 * A text that goes on: what was read and drawn, held as the model's state, which does not grow. It owns tensors, so dispose of it.
 * Every drawn token is read before it is handed out, so between two parts of a stream a session may be forked, marked or saved.
 */
export class Session {
  #bundle: ModelBundle;
  readonly #options: ModelRunnerOptions & Readonly<Required<Pick<SessionOptions, 'historyLength'>>>;
  readonly #marks = new Map<SessionMark, Contents>();
  #runner: ModelRunner;
  #origin: Origin = BEGINNING;
  #logits: Float32Array | undefined;
  #history: TokenHistory;
  #random: Random;
  /** What uses the session until it is done. */
  #user: string | undefined;
  #isReading = false;
  #isDisposed = false;

  /** @throws SsmError OPTION */
  constructor(bundle: ModelBundle, options: SessionOptions = {}) {
    const rule = (fallback: number) => ({ fallback, min: 1, whole: true });
    requireBundle('Session', bundle);
    refuseUnknown('Session', options, ['seed', 'historyLength', 'promptChunk', 'weights']);
    const seed = number('Session', 'seed', options.seed, { fallback: anySeed(), min: 0, max: Number.MAX_SAFE_INTEGER, whole: true });
    this.#options = {
      historyLength: number('Session', 'historyLength', options.historyLength, rule(4096)),
      promptChunk: number('Session', 'promptChunk', options.promptChunk, rule(512)),
      weights: weightsOf('Session', options.weights),
    };
    this.#bundle = bundleNow(bundle);
    this.#random = seededRandom(seed);
    this.#history = new TokenHistory(this.#options.historyLength);
    this.#runner = new ModelRunner(this.#bundle, 1, this.#options);
  }

  /** Opens what {@link Session.snapshot} returned, here or elsewhere. @throws SsmError FILE for bytes that are not as written, STATE for another model's. */
  static async restore(bundle: ModelBundle, bytes: Uint8Array, options: Omit<SessionOptions, 'seed'> = {}): Promise<Session> {
    const contents = await unpackContents(bundleNow(bundle), bytes);
    try {
      const session = new Session(bundle, options);
      session.#replace(contents);
      return session;
    } catch (error) {
      disposeTree(contents.state);
      throw error;
    }
  }

  /** Tokens read and drawn so far. */
  get tokenCount(): number {
    return this.#history.count;
  }

  /** Bytes of the model's state, the same for any length of text. */
  get stateBytes(): number {
    this.#refuseDisposed();
    return this.#runner.stateBytes;
  }

  /** What the model expects next, a copy; undefined before the first token. [V]. @throws SsmError STATE after {@link Session.dispose} */
  get logits(): Float32Array | undefined {
    this.#refuseDisposed();
    return this.#logits?.slice();
  }

  /**
   * Reads more text. An abort throws its reason; whatever is thrown, the session stays as it was.
   * @throws SsmError TOKENS, OPTION
   */
  async append(prompt: Prompt, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#use('append');
    try {
      const ids = promptIds('Session.append', this.#bundle, prompt, this.tokenCount === 0);
      await this.#read(ids, signal);
      this.#history.give(ids);
    } finally {
      this.#user = undefined;
    }
  }

  /** Goes on with the text. @throws SsmError as {@link Session.stream} */
  async generate(options: GenerateOptions = {}): Promise<Generated> {
    const promptTokens = this.tokenCount;
    const parts: Part[] = [];
    for await (const part of this.stream(options)) parts.push(part);
    return collected(this.#bundle, parts, { promptTokens, seed: options.seed });
  }

  /**
   * Goes on with the text and hands out each token. Draws continue the session's generator unless a seed is given. After an abort,
   * or when the loop is broken off, the session holds the text up to the last token handed out.
   * @throws SsmError TOKENS where nothing was read yet, OPTION for options without meaning or a session in use
   */
  async *stream(options: GenerateOptions = {}): AsyncGenerator<Part, void, undefined> {
    const plan = planGeneration('Session.stream', this.#bundle, options);
    refuseBeams('Session.stream', plan);
    if (options.weights !== undefined)
      throw badOption('Session.stream', 'weights', 'a session that was made with them', options.weights, 'pass it to new Session');
    this.#use('stream');
    try {
      if (plan.seed !== undefined) this.#random = seededRandom(plan.seed);
      const generator = new TextGenerator(plan, this.#history, this.#random, this.#bundle.tokenizer);
      for (;;) {
        if (plan.signal?.aborted) {
          yield generator.abort();
          return;
        }
        const part = await this.#step(generator);
        yield part;
        if (part.finishReason !== undefined) return;
      }
    } finally {
      this.#user = undefined;
    }
  }

  /** Another session at the same place; the two share no more than the model. */
  fork(): Session {
    const session = new Session(this.#bundle, this.#options);
    session.#replace(this.#contents('fork'));
    session.#runner.useWeightsOf(this.#runner);
    return session;
  }

  /** Remembers this place in the text. */
  mark(): SessionMark {
    const contents = this.#contents('mark');
    const mark = { tokenCount: contents.history.count, dispose: () => this.#forget(mark) };
    this.#marks.set(mark, contents);
    return mark;
  }

  /** Goes back to a marked place, as often as wanted, the generator included. @throws SsmError STATE for a mark that is not of this session or was freed. */
  rewind(mark: SessionMark): void {
    this.#refuseUse('rewind');
    const contents = this.#marks.get(mark);
    if (!contents) throw badSession('STATE', 'rewind', 'the mark is unknown', 'a mark of this session that was not freed', 'another');
    this.#replace(cloneContents(contents));
  }

  /** The session as bytes, which {@link Session.restore} opens on any backend. SNAPSHOT.md describes them. */
  async snapshot(): Promise<Uint8Array> {
    const contents = this.#contents('snapshot');
    const { reads } = contents.origin;
    const snapshot = await packContents(this.#bundle, contents);
    const now = this.#origin.reads;
    // what was read meanwhile comes behind it, unless the session went elsewhere
    if (reads.every((ids, i) => now[i] === ids)) this.#origin = { snapshot, reads: now.slice(reads.length) };
    return snapshot;
  }

  /** Frees the state and all marks. Any further call but this one and `tokenCount` throws. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#runner.dispose();
    for (const mark of [...this.#marks.keys()]) this.#forget(mark);
  }

  /** Draws a token and reads it; where reading fails, it was not drawn. */
  async #step(generator: TextGenerator): Promise<Part> {
    this.#refuseDisposed();
    if (!this.#logits)
      throw badSession('TOKENS', 'stream', 'nothing was read yet', 'a text to go on with', 'none', 'append one first, or the bos token');
    const [history, random] = [this.#history.record(), this.#random.state()];
    try {
      const part = generator.next(this.#logits);
      await this.#read([part.token as number]);
      return part;
    } catch (error) {
      this.#history = new TokenHistory(this.#options.historyLength, history);
      this.#random = randomFrom(random);
      throw error;
    }
  }

  /** Takes the state further, all at once at the end. */
  async #read(ids: readonly number[], signal?: AbortSignal): Promise<void> {
    this.#isReading = true;
    try {
      const [logits] = await this.#readOn(ids, signal);
      this.#refuseDisposed();
      this.#logits = logits;
      this.#origin = further(this.#origin, ids);
    } finally {
      this.#isReading = false;
    }
    if (isFar(this.#origin)) await this.snapshot();
  }

  /** Where the device was lost, after all that came before was read again on another. */
  async #readOn(ids: readonly number[], signal?: AbortSignal): Promise<Logits> {
    try {
      if (bundleNow(this.#bundle) !== this.#bundle) await this.#moveTo(bundleNow(this.#bundle));
      return await this.#runner.read([ids], signal);
    } catch (error) {
      await this.#moveTo(await bundleAfter(error, this.#bundle));
      return this.#runner.read([ids], signal);
    }
  }

  /** Comes to the same place with other params, marks included. */
  async #moveTo(bundle: ModelBundle): Promise<void> {
    const runner = await runnerAt(bundle, this.#origin, this.#options);
    this.#runner.dispose();
    [this.#bundle, this.#runner] = [bundle, runner];
    for (const [mark, contents] of this.#marks) this.#marks.set(mark, await movedContents(bundle, contents, this.#options));
  }

  /** A copy of what the session is now. */
  #contents(where: string): Contents {
    this.#refuseDisposed();
    if (this.#isReading)
      throw badSession(
        'OPTION',
        where,
        'the session is reading',
        'a session between two steps',
        'one in a step',
        'await append, or the next part of the stream',
      );
    const [history, random] = [this.#history.record(), this.#random.state()];
    return { state: this.#runner.state(), logits: this.logits, history, random, origin: this.#origin };
  }

  /** Becomes something else, which it takes over. */
  #replace({ state, logits, history, random, origin }: Contents): void {
    this.#runner.replace(state);
    this.#origin = origin;
    this.#logits = logits;
    this.#history = new TokenHistory(this.#options.historyLength, history);
    this.#random = randomFrom(random);
  }

  #forget(mark: SessionMark): void {
    disposeTree(this.#marks.get(mark)?.state);
    this.#marks.delete(mark);
  }

  #use(where: string): void {
    this.#refuseUse(where);
    this.#user = where;
  }

  #refuseUse(where: string): void {
    this.#refuseDisposed();
    if (this.#user)
      throw badSession(
        'OPTION',
        where,
        'the session is in use',
        'one call at a time',
        `a running ${this.#user}`,
        'wait for its end, break off its loop, or work on a fork',
      );
  }

  #refuseDisposed(): void {
    if (this.#isDisposed)
      throw badSession('STATE', 'Session', 'the session was disposed of', 'a session that owns its state', 'a freed one');
  }
}
