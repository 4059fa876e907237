/** What is kept of a run's events: no more after a million steps than after a thousand. */
import type { TrainingEvent, Twin, TwinStep } from './web/worker-training';

/** The most that are kept of each kind; kinds in the order in which they come at one place of a run. */
const MOST = { step: 600, evaluation: 100, gates: 100, sample: 100 } as const;
const KINDS = Object.keys(MOST);

export type LoggedEvent = Extract<TrainingEvent, { type: keyof typeof MOST }>;
type Step = Extract<TrainingEvent, { type: 'step' }>;

/**
 * The events of a run in their order, spread evenly over it. Where there are too many steps, two neighbors with nothing between them become one: the later
 * one, with the means of both. Where there are too many evaluations, gates or samples, one goes that has others close by: never the first or the last.
 */
export class TrainingLog {
  readonly #events: LoggedEvent[] = [];

  constructor(events: Iterable<LoggedEvent> = []) {
    for (const event of events) this.add(event);
  }

  get events(): readonly LoggedEvent[] {
    return this.#events;
  }

  /** What comes again after a restore takes the place of what was, and of what came after that. */
  add(event: TrainingEvent): void {
    if (!isLogged(event)) return;
    for (let last = this.#events.at(-1); last && !isBefore(last, event); last = this.#events.at(-1)) this.#events.pop();
    this.#events.push(event);
    const places: number[] = [];
    for (let i = 0; i < this.#events.length; i++) if (this.#events[i]?.type === event.type) places.push(i);
    if (places.length > MOST[event.type]) this.#thin(event.type === 'step', places);
  }

  /** Removes the one of the places that leaves the smallest gap; of equals the first. A step is merged into the next one. */
  #thin(isStep: boolean, places: readonly number[]): void {
    const steps = places.map((place) => this.#events[place]?.step ?? 0);
    let [chosen, smallest] = [0, Number.POSITIVE_INFINITY];
    for (let i = isStep ? 0 : 1; i < places.length - 1; i++) {
      const gap = (steps[i + 1] as number) - (steps[i - 1] ?? -1);
      const mayGo = !isStep || places[i + 1] === (places[i] as number) + 1;
      if (mayGo && gap < smallest) [chosen, smallest] = [i, gap];
    }
    const place = places[chosen] as number;
    if (isStep) {
      const [earlier, later] = this.#events.slice(place, place + 2) as [Step, Step];
      this.#events[place + 1] = merged(earlier, later, (earlier.step - (steps[chosen - 1] ?? -1)) / smallest);
    }
    this.#events.splice(place, 1);
  }
}

const isLogged = (event: TrainingEvent): event is LoggedEvent => KINDS.includes(event.type);

/** Steps done. */
const placeOf = (event: LoggedEvent): number => (event.type === 'step' ? event.step + 1 : event.step);

const isBefore = (one: LoggedEvent, other: LoggedEvent): boolean =>
  placeOf(one) === placeOf(other) ? KINDS.indexOf(one.type) < KINDS.indexOf(other.type) : placeOf(one) < placeOf(other);

/** @param share of the earlier one in the steps of both */
function merged(earlier: Step, later: Step, share: number): Step {
  const twins: Partial<Record<Twin, TwinStep>> = {};
  for (const [twin, last] of Object.entries(later.twins) as [Twin, TwinStep][]) {
    const first = earlier.twins[twin] ?? last;
    const mean = (key: 'loss' | 'gradNorm' | 'seconds'): number => meanOfFinite(first[key], last[key], share);
    twins[twin] = {
      ...last,
      loss: mean('loss'),
      gradNorm: mean('gradNorm'),
      seconds: mean('seconds'),
      skipped: first.skipped || last.skipped,
    };
  }
  return { ...later, twins };
}

function meanOfFinite(a: number, b: number, share: number): number {
  if (!Number.isFinite(a)) return b;
  return Number.isFinite(b) ? a * share + b * (1 - share) : a;
}
