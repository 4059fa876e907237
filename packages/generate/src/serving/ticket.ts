import type { ModelBundle } from '../bundle';
import type { GenerateOptions, GenerationPlan } from '../options';
import { anySeed, seededRandom } from '../samplers/random';
import { TextGenerator } from '../text-generator';
import { TokenHistory } from '../token-history';
import type { Lane, LaneOwner, ServedEvent } from './lane';
import type { SavedState } from './saved-state';

/** A text to be continued among others. */
export interface TextRequest {
  readonly prompt: readonly number[];
  /** Without beams. An abort of its signal ends the texts with reason 'aborted' before the next token. */
  readonly options?: GenerateOptions;
  /** How many texts. Default 1. Text r draws from stream r of the seed. */
  readonly count?: number;
  /** Places of the prompt, ascending, at which its state may be kept and found again, such as the ends of messages. */
  readonly borders?: readonly number[];
  /** Scores each token of the prompt, with as many of the most likely ones. */
  readonly promptScores?: number;
  /** Draws nothing: the prompt is only read. */
  readonly isOnlyRead?: boolean;
  /** The state after a text that the prompt continues. */
  readonly from?: SavedState;
  /** Asks for the state after each text. */
  readonly keepsState?: boolean;
  /** One more prompt of a request that was taken already: it waits also where the queue is full. */
  readonly isFurther?: boolean;
}

/** A request on its way, and the events that wait for whoever asked. */
export class Ticket implements LaneOwner {
  readonly request: TextRequest;
  readonly plan: GenerationPlan;
  readonly keepsState: boolean;
  readonly #events: ServedEvent[] = [];
  readonly #seed: number;
  #wake: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #open: number;
  #isLeft = false;

  constructor(request: TextRequest, plan: GenerationPlan) {
    this.request = request;
    this.plan = plan;
    this.keepsState = request.keepsState ?? false;
    this.#open = request.count ?? 1;
    this.#seed = plan.seed ?? anySeed();
  }

  /** Whether nobody waits for more. */
  get isCancelled(): boolean {
    return this.#isLeft || this.#failure !== undefined || this.plan.signal?.aborted === true;
  }

  get isOver(): boolean {
    return this.#open <= 0 || this.#failure !== undefined;
  }

  lane(bundle: ModelBundle, row: number): Lane {
    const { from, prompt } = this.request;
    const history = new TokenHistory(Infinity, from?.history);
    history.give(prompt);
    const generator = new TextGenerator(this.plan, history, seededRandom(this.#seed, row), bundle.tokenizer);
    return { row, ticket: this, generator, history, drawn: [], isEnded: false };
  }

  emit(event: ServedEvent): void {
    this.#events.push(event);
    this.#wake?.();
  }

  endLane(): void {
    this.#open--;
    this.#wake?.();
  }

  /** Ends all its texts. */
  end(): void {
    this.#open = 0;
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** What happens, until the end. Breaking the loop off cancels the request. */
  async *events(): AsyncGenerator<ServedEvent, void, undefined> {
    try {
      for (;;) {
        const event = this.#events.shift();
        if (event) yield event;
        else if (this.#failure) throw this.#failure.error;
        else if (this.isOver) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#isLeft = true;
    }
  }
}
