import type { ChoiceHistory } from '@densessm/ssm-core';
import type { TextTokenizer } from './bundle';
import { detokenizerAfter } from './incremental-detokenizer';
import type { GenerationPlan } from './options';
import { type Logprobs, logprobsOf } from './samplers/probabilities';
import { type Random, randomFrom } from './samplers/random';
import { isGreedy, sampleToken } from './samplers/sample-token';
import { StopStrings } from './stop/stop-strings';
import type { TokenHistory } from './token-history';

/** Why a text ended: an eos token, a stop string, `maxTokens`, an AbortSignal. */
export type FinishReason = 'eos' | 'stop' | 'length' | 'aborted';

/** One step of a text. */
export interface Part extends Partial<Logprobs> {
  /** The token drawn; undefined in the part that says 'aborted'. */
  readonly token: number | undefined;
  /** Text that became certain with it: often a word, sometimes none, never half a character nor any of a stop string. */
  readonly text: string;
  /** In the last part. */
  readonly finishReason?: FinishReason;
}

/** All that one text needs on the host while it is generated: chooses tokens, decodes them, decides when to end. */
export class TextGenerator {
  readonly #plan: GenerationPlan;
  readonly #history: TokenHistory;
  readonly #random: Random;
  readonly #decoder: ReturnType<TextTokenizer['decodeStream']> | undefined;
  readonly #stops: StopStrings;
  #drawn = 0;

  constructor(plan: GenerationPlan, history: TokenHistory, random: Random, tokenizer: TextTokenizer | undefined) {
    this.#plan = plan;
    this.#history = history;
    this.#random = random;
    this.#stops = new StopStrings(plan.stop);
    this.#decoder = tokenizer && detokenizerAfter(tokenizer, history.recent());
  }

  /** Chooses the next token from the model's logits, which stay as they are. [V] */
  next(logits: Float32Array): Part {
    const token = sampleToken(logits, this.#history, this.#plan, this.#random);
    return this.#partOf({ token, ...(this.#plan.logprobs && logprobsOf(logits, token, this.#plan.topLogprobs)) });
  }

  /** Takes the next token as a decoder chose it, by the numbers that {@link TextGenerator.randoms} told. */
  take(token: number): Part {
    if (!isGreedy(this.#plan)) this.#random.next();
    return this.#partOf({ token });
  }

  /** Tokens that are still to come at most. */
  get left(): number {
    return this.#plan.maxTokens - this.#drawn;
  }

  /** What the next tokens will be drawn by. */
  randoms(tokens: number): number[] {
    const ahead = randomFrom(this.#random.state());
    return Array.from({ length: isGreedy(this.#plan) ? 0 : tokens }, () => ahead.next());
  }

  lookBack(): ChoiceHistory {
    return this.#history.lookBack();
  }

  #partOf(chosen: { readonly token: number } & Partial<Logprobs>): Part {
    const { token } = chosen;
    this.#history.draw(token);
    this.#drawn++;
    const isEos = this.#plan.eosIds.has(token);
    const { text, stopped } = this.#stops.push(isEos ? '' : (this.#decoder?.push(token) ?? ''));
    if (stopped) return { ...chosen, text, finishReason: 'stop' };
    if (!isEos && this.#drawn < this.#plan.maxTokens) return { ...chosen, text };
    const rest = this.#flush();
    return { ...chosen, text: text + rest.text, finishReason: rest.stopped ? 'stop' : isEos ? 'eos' : 'length' };
  }

  /** The last part of a text that nobody wants any longer. */
  abort(): Part {
    return { token: undefined, text: this.#flush().text, finishReason: 'aborted' };
  }

  #flush(): { text: string; stopped: boolean } {
    const { text, stopped } = this.#stops.push(this.#decoder?.end() ?? '');
    return { text: text + this.#stops.end(), stopped };
  }
}
