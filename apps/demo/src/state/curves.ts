/** Curves of a run as charts need them. */
import type { TrainingEvent, Twin } from 'densessm/web';

type Loss = number | null;

export interface Curves {
  readonly steps: readonly number[];
  readonly dense: readonly Loss[];
  readonly plain: readonly Loss[];
  /** Moving averages. */
  readonly denseMean: readonly Loss[];
  readonly plainMean: readonly Loss[];
  /** Plain minus dense of the averages: above zero the dense model is ahead. */
  readonly ahead: readonly Loss[];
  readonly heldDense: readonly Loss[];
  readonly heldPlain: readonly Loss[];
}

const SMOOTHING = 0.88;
/** Points in a chart: more cost time and show nothing more. */
const MOST_POINTS = 600;

/** Losses of one model as they come, with an exponential moving average without the pull of its start. */
class LossList {
  readonly values: Loss[] = [];
  readonly means: Loss[] = [];
  /** Of the average after each value. */
  readonly #sums: number[] = [];
  readonly #weights: number[] = [];

  push(value: Loss, keep = SMOOTHING): void {
    const [sum, weight] = [this.#sums.at(-1) ?? 0, this.#weights.at(-1) ?? 0];
    const isLoss = value !== null && Number.isFinite(value);
    this.values.push(value);
    this.#sums.push(isLoss ? sum * keep + value * (1 - keep) : sum);
    this.#weights.push(isLoss ? weight * keep + (1 - keep) : weight);
    const total = this.#weights.at(-1) ?? 0;
    this.means.push(total > 0 ? (this.#sums.at(-1) ?? 0) / total : null);
  }

  pop(): void {
    for (const list of [this.values, this.means, this.#sums, this.#weights]) list.pop();
  }
}

/** An exponential moving average without the pull of its start. */
export function movingAverage(values: readonly Loss[], keep = SMOOTHING): Loss[] {
  const list = new LossList();
  for (const value of values) list.push(value, keep);
  return list.means;
}

/**
 * Reads the events of a run in their order, each once: a list that has only grown costs what has been added, so that a long run does not stop the page.
 * After a restore steps come twice, of which the later ones count.
 */
export function curveReader(): (events: readonly TrainingEvent[]) => Curves {
  let read = new RunLosses();
  let [count, first]: [number, TrainingEvent | undefined] = [0, undefined];
  return (events) => {
    if (events[0] !== first || events.length < count) read = new RunLosses();
    for (let i = read.isEmpty ? 0 : count; i < events.length; i++) read.take(events[i] as TrainingEvent);
    [count, first] = [events.length, events[0]];
    return read.curves();
  };
}

class RunLosses {
  readonly #steps: number[] = [];
  readonly #of = { dense: new LossList(), plain: new LossList() };
  readonly #held = new Map<number, Partial<Record<Twin, number>>>();
  isEmpty = true;

  take(event: TrainingEvent): void {
    this.isEmpty = false;
    if (event.type === 'evaluation') this.#held.set(event.step, event.losses);
    if (event.type !== 'step') return;
    while ((this.#steps.at(-1) ?? 0) > event.step) {
      this.#steps.pop();
      this.#of.dense.pop();
      this.#of.plain.pop();
    }
    this.#steps.push(event.step + 1);
    this.#of.dense.push(event.twins.dense?.loss ?? null);
    this.#of.plain.push(event.twins.plain?.loss ?? null);
  }

  curves(): Curves {
    const { dense, plain } = this.#of;
    const kept = this.#kept();
    const pick = (values: readonly Loss[]) => kept.map((i) => values[i] ?? null);
    const heldOf = (twin: Twin) => kept.map((i) => this.#held.get(this.#steps[i] as number)?.[twin] ?? null);
    return {
      steps: kept.map((i) => this.#steps[i] as number),
      dense: pick(dense.values),
      plain: pick(plain.values),
      denseMean: pick(dense.means),
      plainMean: pick(plain.means),
      ahead: kept.map((i) => difference(plain.means[i], dense.means[i])),
      heldDense: heldOf('dense'),
      heldPlain: heldOf('plain'),
    };
  }

  /** Places of the steps that a chart shows: evenly spread, with the last and the evaluated ones. */
  #kept(): number[] {
    const every = Math.max(1, Math.ceil(this.#steps.length / MOST_POINTS));
    const last = this.#steps.length - 1;
    const kept: number[] = [];
    for (const [i, step] of this.#steps.entries()) if (i % every === 0 || i === last || this.#held.has(step)) kept.push(i);
    return kept;
  }
}

const difference = (a: Loss | undefined, b: Loss | undefined): Loss => (typeof a === 'number' && typeof b === 'number' ? a - b : null);
