/** Curves of a run as charts need them. */
import type { TrainingEvent, Twin } from 'densessm/web';

export interface Curves {
  readonly steps: readonly number[];
  readonly dense: readonly (number | null)[];
  readonly plain: readonly (number | null)[];
  /** Moving averages. */
  readonly denseMean: readonly (number | null)[];
  readonly plainMean: readonly (number | null)[];
  /** Plain minus dense of the averages: above zero the dense model is ahead. */
  readonly ahead: readonly (number | null)[];
  readonly heldDense: readonly (number | null)[];
  readonly heldPlain: readonly (number | null)[];
}

const SMOOTHING = 0.92;
/** Points in a chart: more cost time and show nothing more. */
const MOST_POINTS = 600;

/** An exponential moving average without the pull of its start. */
export function movingAverage(values: readonly (number | null)[], keep = SMOOTHING): (number | null)[] {
  let [sum, weight] = [0, 0];
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return weight > 0 ? sum / weight : null;
    sum = sum * keep + value * (1 - keep);
    weight = weight * keep + (1 - keep);
    return sum / weight;
  });
}

/** Reads the events of a run in their order; after a restore steps may come twice, of which the later one counts. */
export function curvesOf(events: readonly TrainingEvent[]): Curves {
  const losses = new Map<number, Partial<Record<Twin, number>>>();
  const held = new Map<number, Partial<Record<Twin, number>>>();
  for (const event of events) {
    if (event.type === 'step') losses.set(event.step + 1, lossesOf(event));
    else if (event.type === 'evaluation') held.set(event.step, event.losses);
  }
  const all = [...losses.keys()].sort((a, b) => a - b);
  const lossOf = (twin: Twin) => all.map((step) => losses.get(step)?.[twin] ?? null);
  const [dense, plain] = [lossOf('dense'), lossOf('plain')];
  const [denseMean, plainMean] = [movingAverage(dense), movingAverage(plain)];
  const ahead = all.map((_, i) => difference(plainMean[i], denseMean[i]));
  const every = Math.max(1, Math.ceil(all.length / MOST_POINTS));
  const kept = all.map((_, i) => i).filter((i) => i % every === 0 || i === all.length - 1 || held.has(all[i] as number));
  const pick = (values: readonly (number | null)[]) => kept.map((i) => values[i] ?? null);
  const heldOf = (twin: Twin) => kept.map((i) => held.get(all[i] as number)?.[twin] ?? null);
  return {
    steps: kept.map((i) => all[i] as number),
    dense: pick(dense),
    plain: pick(plain),
    denseMean: pick(denseMean),
    plainMean: pick(plainMean),
    ahead: pick(ahead),
    heldDense: heldOf('dense'),
    heldPlain: heldOf('plain'),
  };
}

const lossesOf = ({ twins }: Extract<TrainingEvent, { type: 'step' }>): Partial<Record<Twin, number>> => ({
  dense: twins.dense?.loss,
  plain: twins.plain?.loss,
});

const difference = (a: number | null | undefined, b: number | null | undefined): number | null =>
  typeof a === 'number' && typeof b === 'number' ? a - b : null;
