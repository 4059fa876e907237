/** Of the value before, in the next average. */
const KEPT = 0.88;

/** As it is kept for a run that goes on. */
export interface AverageSoFar {
  readonly sum: number;
  readonly weight: number;
}

/** An exponential moving average without the pull of its start. Values that are not finite do not count. */
export class MovingAverage {
  #sum: number;
  #weight: number;

  constructor({ sum, weight }: AverageSoFar = { sum: 0, weight: 0 }) {
    [this.#sum, this.#weight] = [sum, weight];
  }

  get soFar(): AverageSoFar {
    return { sum: this.#sum, weight: this.#weight };
  }

  /** The average with one more value; NaN before the first finite one. */
  add(value: number): number {
    if (Number.isFinite(value)) {
      this.#sum = this.#sum * KEPT + value * (1 - KEPT);
      this.#weight = this.#weight * KEPT + (1 - KEPT);
    }
    return this.#sum / this.#weight;
  }
}
