import { disposeTree, isDeviceLoss } from '@densessm/ssm-core';
import { bundleAfter, bundleNow, type ModelBundle, type Prompt, promptIds, requireBundle } from '../bundle';
import { collected, type Generated, refuseBeams } from '../generate';
import { badOption } from '../option-error';
import { refuseUnknown } from '../option-names';
import { type GenerateOptions, type GenerationPlan, number, planGeneration, promptChunkRule, weightsOf } from '../options';
import { type ChosenTokens, type Logits, ModelRunner, type ModelRunnerOptions } from '../reading/model-runner';
import { RunLength, readAhead } from '../reading/run-length';
import { anySeed, type Random, randomFrom, seededRandom } from '../samplers/random';
import { type Part, TextGenerator } from '../text-generator';
import { TokenHistory } from '../token-history';
import { type Contents, cloneContents, packContents, unpackContents } from './contents';
import { disposedSession, inUse, isReading, nothingRead, unknownMark } from './errors';
import { BEGINNING, further, isFar, movedContents, type Origin, runnerAt } from './origin';
import type { SessionMark, SessionOptions } from './session-options';

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
  /** Themselves, or where the runner lends them until its next call. */
  #logits: Float32Array | (() => Float32Array) | undefined;
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
      promptChunk: number('Session', 'promptChunk', options.promptChunk, promptChunkRule()),
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
    return this.#ownLogits()?.slice();
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
      const length = new RunLength();
      for (;;) {
        if (plan.signal?.aborted) {
          yield generator.abort();
          return;
        }
        const part = await this.#step(generator, plan, length);
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
    if (!contents) throw unknownMark();
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

  /** Draws a token and reads it, or takes one that the decoder drew and read; where reading fails, it was not drawn. */
  async #step(generator: TextGenerator, plan: GenerationPlan, length: RunLength): Promise<Part> {
    this.#refuseDisposed();
    if (!this.#logits) throw nothingRead();
    const [history, random] = [this.#history.record(), this.#random.state()];
    try {
      if (await this.#readAhead(generator, plan, length)) return await this.#take(generator);
      const part = generator.next(this.#ownLogits() as Float32Array);
      await this.#read([part.token as number]);
      length.tokens ||= 1;
      return part;
    } catch (error) {
      this.#history = new TokenHistory(this.#options.historyLength, history);
      this.#random = randomFrom(random);
      throw error;
    }
  }

  /** Whether the next token was chosen and read by the decoder. */
  async #readAhead(generator: TextGenerator, plan: GenerationPlan, length: RunLength): Promise<boolean> {
    if (length.tokens === 0) return false;
    if (this.#runner.chosen === undefined) {
      if (bundleNow(this.#bundle) !== this.#bundle) return false;
      this.#ownLogits();
      this.#isReading = true;
      try {
        if (!(await readAhead(this.#runner, [generator], plan, { length, logits: true }))) return false;
      } catch (error) {
        if (!isDeviceLoss(error)) throw error;
        return false; // reading by itself finds another
      } finally {
        this.#isReading = false;
      }
      this.#refuseDisposed();
    }
    return (this.#runner.chosen?.ids[0] ?? -1) >= 0;
  }

  async #take(generator: TextGenerator): Promise<Part> {
    const { ids, logits } = this.#runner.chosen as ChosenTokens;
    const part = generator.take(ids[0] as number);
    this.#runner.take();
    [this.#logits, this.#origin] = [logits, further(this.#origin, [...ids])];
    if (isFar(this.#origin)) await this.snapshot();
    return part;
  }

  /** The logits, the session's own from now on. */
  #ownLogits(): Float32Array | undefined {
    if (typeof this.#logits === 'function') this.#logits = this.#logits().slice();
    return this.#logits;
  }

  /** Takes the state further, all at once at the end. */
  async #read(ids: readonly number[], signal?: AbortSignal): Promise<void> {
    this.#ownLogits();
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
    if (this.#isReading) throw isReading(where);
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
    if (this.#user) throw inUse(where, this.#user);
  }

  #refuseDisposed(): void {
    if (this.#isDisposed) throw disposedSession();
  }
}
