import type { ChoiceHistory } from '@densessm/ssm-core';

/** What penalties and n-grams look back on: the last tokens of a text, and how many of them were drawn since the last that were given. */
export interface HistoryRecord {
  /** Tokens of the text so far, the forgotten ones included. */
  readonly count: number;
  /** The last of them, oldest first. */
  readonly recent: readonly number[];
  /** How many tokens were drawn since the last given one. */
  readonly drawn: number;
}

/** Remembers the last `window` tokens of a text, so that its size has a bound as the model's state has. */
export class TokenHistory {
  readonly #window: number;
  #ids: number[];
  #count: number;
  #drawn: number;

  constructor(window = Infinity, record: HistoryRecord = { count: 0, recent: [], drawn: 0 }) {
    this.#window = window;
    this.#ids = [...record.recent];
    this.#count = record.count;
    this.#drawn = record.drawn;
  }

  get count(): number {
    return this.#count;
  }

  /** Tokens that were given: of a prompt, a user's turn. */
  give(ids: readonly number[]): void {
    for (const id of ids) this.#push(id);
    if (ids.length > 0) this.#drawn = 0;
  }

  /** A token that was drawn. */
  draw(id: number): void {
    this.#push(id);
    this.#drawn++;
  }

  /** The last tokens, given and drawn, oldest first. */
  recent(): readonly number[] {
    return this.#ids.length > this.#window ? this.#ids.slice(-this.#window) : this.#ids;
  }

  /** Those among them that were drawn since the last given one. */
  drawn(): readonly number[] {
    const ids = this.recent();
    return ids.slice(Math.max(0, ids.length - this.#drawn));
  }

  /** What choices by the decoder look back on. */
  lookBack(): ChoiceHistory {
    return { recent: this.recent(), drawn: this.#drawn, window: this.#window };
  }

  record(): HistoryRecord {
    return { count: this.#count, recent: [...this.recent()], drawn: this.#drawn };
  }

  #push(id: number): void {
    this.#ids.push(id);
    this.#count++;
    if (this.#ids.length > 2 * this.#window) this.#ids = this.#ids.slice(-this.#window); // once per window, not per token
  }
}
